"""A vision-language model that votes by one forward pass: does "0" or "1" come next?

All prompts about an image begin with the same tokens, the image's among them. These go through the model once, for
several images together, and leave keys and values in its cache. What comes after them follows for all prompts of
these images together, each on the cache of its image. Rows of different lengths are filled up on the left, so that
the last position is always the one after which the vote is read.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from taskgalaxy.llm.vote_inputs import PreparedImage, VoteInputs, left_padded

log = logging.getLogger(__name__)

TOLERANCES = {torch.float32: 1e-3, torch.float16: 0.1, torch.bfloat16: 0.5}
"""How far apart the difference of the two logits may be, on average, with and without a shared prefix.

Chosen, not measured: rounding should stay below, and what it lets pass moves ``p_yes`` by an eighth at most.
"""

CPU_TOKENS = 16_000
"""Most tokens of a forward pass on a CPU, cache included: more do not stay in its caches (benchmarks/README.md)."""


class Score(NamedTuple):
    """The logits of what says 0 and of what says 1, and the probability that the model gives both together."""

    zero: float
    one: float
    mass: float

    @property
    def vote(self) -> int:
        """What is more probable; a tie is 0, since it takes a vote for a sample to be kept."""
        return int(self.one > self.zero)

    @property
    def p_yes(self) -> float:
        """The probability of 1, given that it is 0 or 1."""
        return (1 + math.tanh((self.one - self.zero) / 2)) / 2

    @property
    def finite(self) -> bool:
        return all(map(math.isfinite, self))


Scores = list[Score]


@dataclass(frozen=True)
class _Prefixes:
    """What the shared beginnings of the prompts about some images have left in the model.

    Attributes:
        cache: keys and values, a row per image.
        mask: which of its places are filled; (images, longest beginning).
        next_position: where each prompt goes on; (images, 1).
        axes: into how many axes positions are split: 3 if images extend in time, height and width, else ``None``.
    """

    cache: Any
    mask: torch.Tensor
    next_position: torch.Tensor
    axes: int | None


class VoteModel:
    """A model of transformers, on its device, and what prepares images for it.

    Attributes:
        model: of ``AutoModelForImageTextToText``.
        inputs: makes the images that :meth:`score` takes.
        batch_size: most prompts of a forward pass.
        most_tokens: most tokens of a forward pass, cache and filling included; on a GPU half of what did not fit.
        shares: whether prompts about one image share its prefix. Given up if the model cannot do it, or if the
            scores are then not those of plain forward passes.
    """

    def __init__(self, model: Any, inputs: VoteInputs, batch_size: int) -> None:
        """Take ``model``, which from here on computes its logits, and nothing else, in float32."""
        _make_logits_exact(model)
        self.model = model
        self.inputs = inputs
        self.batch_size = batch_size
        self.most_tokens = CPU_TOKENS if model.device.type == "cpu" else math.inf
        self.shares = True
        self._compared = False

    def packs(self, images: Iterable[PreparedImage]) -> Iterator[list[PreparedImage]]:
        """``images`` in their order, in groups for one forward pass; one that is too large for it stands alone."""
        pack: list[PreparedImage] = []
        for image in images:
            if pack and not self._fits([*pack, image]):
                yield pack
                pack = []
            pack.append(image)
        if pack:
            yield pack

    def score(self, images: Sequence[PreparedImage]) -> list[Scores | None]:
        """The scores of every image's prompts; ``None`` for an image that does not fit into memory even alone."""
        scores: list[Scores | None] = []
        while len(scores) < len(images):
            pack = next(self.packs(images[len(scores) :]))
            found = self._score_if_it_fits(pack)
            if found is not None:
                scores += found
            elif (rows := self._rows(pack)) == 1:
                log.warning("an image with one prompt does not fit into memory")
                scores.append(None)
            else:
                self.most_tokens = rows * _longest(pack) // 2
                log.warning("out of memory: from here on %d tokens per forward pass at most", self.most_tokens)
        return scores

    def _fits(self, images: Sequence[PreparedImage]) -> bool:
        prompts = sum(len(image.prompts) for image in images)
        return prompts <= self.batch_size and prompts * _longest(images) <= self.most_tokens

    def _rows(self, images: Sequence[PreparedImage]) -> int:
        """How many prompts of ``images`` go through the model together."""
        prompts = sum(len(image.prompts) for image in images)
        return int(max(1, min(prompts, self.batch_size, self.most_tokens // _longest(images))))

    def _score_if_it_fits(self, images: Sequence[PreparedImage]) -> list[Scores] | None:
        try:
            with torch.inference_mode():
                return self._score(images)
        except torch.OutOfMemoryError:
            pass
        # Not before here are the tensors of the failed pass gone.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _score(self, images: Sequence[PreparedImage]) -> list[Scores]:
        if not self.shares:
            return [self._score_plainly(image) for image in images]
        try:
            scores = self._score_sharing(images)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            # Architectures have rules of their own for caches, masks and positions; not all allow this.
            return self._score_without_sharing(images, f"{type(error).__name__}: {error}")
        if not self._compared and any(len(image.prompts) > 1 for image in images):
            difference = self._difference(images, scores)
            self._compared = True
            if not difference <= TOLERANCES[self.model.dtype]:
                return self._score_without_sharing(images, f"logits differ by {difference:.2g}")
            log.info("prompts share the prefix of their image; logits differ by %.1e from plain ones", difference)
        return scores

    def _score_without_sharing(self, images: Sequence[PreparedImage], why: str) -> list[Scores]:
        self.shares = False
        log.warning(
            "%s: prompts cannot share the prefix of their image (%s); every prompt is a forward pass from here on, "
            "which takes several times as long",
            type(self.model).__name__,
            why,
        )
        return [self._score_plainly(image) for image in images]

    def _difference(self, images: Sequence[PreparedImage], scores: Sequence[Scores]) -> float:
        """How far ``scores`` are from plain ones on average, by two prompts of the shortest and the longest image."""
        order = sorted(range(len(images)), key=lambda index: images[index].shared)
        differences = []
        for index in {order[0], order[-1]}:
            for ours, plain in zip(scores[index], self._score_plainly(images[index], most=2), strict=False):
                differences.append(abs((ours.one - ours.zero) - (plain.one - plain.zero)))
        return sum(differences) / len(differences)

    def _score_plainly(self, image: PreparedImage, most: int | None = None) -> Scores:
        """One forward pass per prompt, over all of it."""
        scores: Scores = []
        for index in range(len(image.prompts))[:most]:
            inputs = {name: self._moved(value) for name, value in image.alone(index).items()}
            scores += self._read(self.model(**inputs, use_cache=False, logits_to_keep=1).logits)
        return scores

    def _score_sharing(self, images: Sequence[PreparedImage]) -> list[Scores]:
        prefixes = self._prefixes(images)
        rows = [(index, prompt[image.shared :]) for index, image in enumerate(images) for prompt in image.prompts]
        scores: list[Scores] = [[] for _ in images]
        step = self._rows(images)
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            for (index, _), score in zip(part, self._read(self._after(prefixes, part)), strict=True):
                scores[index].append(score)
        return scores

    def _prefixes(self, images: Sequence[PreparedImage]) -> _Prefixes:
        """Let the shared beginnings through the model."""
        device = self.model.device
        ids, mask = left_padded([image.prompts[0][: image.shared] for image in images], self.inputs.padding)
        inputs = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
        for name in images[0].token_inputs:
            inputs[name] = left_padded([image.token_inputs[name][0].tolist() for image in images], 0)[0].to(device)
        for name in images[0].image_inputs:
            inputs[name] = torch.cat([self._moved(image.image_inputs[name]) for image in images])
        axes = 3 if hasattr(self.model.model, "rope_deltas") else None
        if axes is None:
            inputs["position_ids"] = _positions(inputs["attention_mask"])
        outputs = self.model(**inputs, use_cache=True, logits_to_keep=1)
        next_position = inputs["attention_mask"].sum(1, keepdim=True)
        if axes is not None:
            # The model has placed the tokens itself; an image takes up fewer positions than it has tokens.
            next_position = next_position + self.model.model.rope_deltas
        return _Prefixes(outputs.past_key_values, inputs["attention_mask"], next_position, axes)

    def _after(self, prefixes: _Prefixes, rows: Sequence[tuple[int, Sequence[int]]]) -> torch.Tensor:
        """The logits after each row, an image's index and the rest of a prompt about it; (rows, 1, vocabulary)."""
        device = self.model.device
        indices = torch.tensor([index for index, _ in rows], device=device)
        ids, own_mask = (values.to(device) for values in left_padded([ids for _, ids in rows], self.inputs.padding))
        positions = prefixes.next_position[indices] + _positions(own_mask)
        if prefixes.axes is not None:
            positions = positions.expand(prefixes.axes, -1, -1)
        logits: torch.Tensor = self.model(
            input_ids=ids,
            attention_mask=torch.cat([prefixes.mask[indices], own_mask], dim=1),
            position_ids=positions,
            past_key_values=_selected(prefixes.cache, indices),
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits

    def _moved(self, values: torch.Tensor) -> torch.Tensor:
        """``values`` on the model's device, and in its precision if they are not whole numbers."""
        return values.to(self.model.device, self.model.dtype if values.is_floating_point() else values.dtype)

    def _read(self, logits: torch.Tensor) -> Scores:
        """The scores in next-token logits of shape (rows, 1, vocabulary)."""
        logits = logits[:, -1].float()
        votes = [logits[:, tokens].logsumexp(1) for tokens in self.inputs.votes]
        mass = (torch.logaddexp(*votes) - logits.logsumexp(1)).exp()
        return [Score(*values) for values in torch.stack([*votes, mass], dim=1).tolist()]


def _make_logits_exact(model: Any) -> None:
    """In bfloat16 logits of the usual size come in steps of an eighth, and many a vote would be a tie."""
    head = model.get_output_embeddings()
    # Not head.float(): the weights may be those of the input embeddings, too.
    head.weight = torch.nn.Parameter(head.weight.detach().float(), requires_grad=False)
    if head.bias is not None:
        head.bias = torch.nn.Parameter(head.bias.detach().float(), requires_grad=False)
    # Contiguous, since a matrix product with a slice is one per row.
    head.register_forward_pre_hook(lambda _, inputs: (inputs[0].float().contiguous(), *inputs[1:]))


def _longest(images: Iterable[PreparedImage]) -> int:
    """Tokens of the longest prompt."""
    return max(len(prompt) for image in images for prompt in image.prompts)


def _positions(mask: torch.Tensor) -> torch.Tensor:
    """Positions from 0 on of what ``mask`` (rows, tokens) has; 0 for what is filled up."""
    return (mask.cumsum(1) - 1).clamp(min=0)


def _selected(cache: Any, rows: torch.Tensor) -> Any:
    """The ``rows`` of ``cache``, which itself stays as it is."""
    selected = copy.copy(cache)
    selected.layers = [copy.copy(layer) for layer in cache.layers]
    selected.batch_select_indices(rows)
    return selected
