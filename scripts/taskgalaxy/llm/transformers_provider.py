"""Referees whose model the job itself loads: a vote is one forward pass (paper section 2.2, "Referee Screening")."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from PIL import Image

from taskgalaxy.images import decode_rgb, scaled_down
from taskgalaxy.llm.request import Gate, ImageContent, Reply, Request, Take
from taskgalaxy.llm.settings import EndpointSettings

if TYPE_CHECKING:
    from taskgalaxy.llm.vote_inputs import PreparedImage, VoteInputs
    from taskgalaxy.llm.vote_model import Score, Scores, VoteModel

log = logging.getLogger(__name__)

_PACKS = 4
"""Images of this many forward passes are put in order of their length, so that few are filled up by much."""
_MOST_IMAGES = 64
"""But no more than these, and as many that are prepared meanwhile: one may take 30 MB."""
_READERS = 4
_LITTLE_MASS = 0.5


@dataclass
class _Questions:
    """All questions about an image, by ledger key."""

    image: ImageContent
    requests: dict[str, Request] = field(default_factory=dict)


class TransformersProvider:
    """Votes by the model of an endpoint, loaded once there is something to ask.

    See :class:`taskgalaxy.llm.request.Provider`.
    """

    name = "transformers"
    recorded = True
    asks = True

    def __init__(self, settings: EndpointSettings, loaded: VoteModel | None = None) -> None:
        """Ask the model of ``settings``, or ``loaded`` in its place."""
        self.settings = settings
        self.model = settings.model
        self.parameters: Mapping[str, Any] = settings.parameters
        self._loaded = loaded
        self._masses: list[float] = []

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """Score the questions, those about one image together; the gate is passed before every forward pass.

        What cannot be asked (an image that cannot be read, a question that holds one of the model's control
        tokens) and what has no score (too large for the memory, logits that are not finite) is a reply that is
        no answer.
        """
        gate()
        model = await asyncio.to_thread(self._load)
        groups = await self._without_control_tokens(questions, model.inputs, take)
        windows = _windows(groups, _PACKS * model.batch_size)
        with _Preparation(model.inputs, self.settings.image_max_side) as preparation:
            coming = [preparation.start(group) for group in windows[0]] if windows else []
            for window, next_window in zip(windows, [*windows[1:], []], strict=True):
                # While these are scored, the next ones are prepared.
                ready, coming = coming, [preparation.start(group) for group in next_window]
                await self._score(await self._prepared(window, ready, take), model, take, gate)
        self._tell_masses()

    async def close(self) -> None:
        self._loaded = None

    def _load(self) -> VoteModel:
        if self._loaded is None:
            from taskgalaxy.llm.vote_checkpoint import load_vote_model

            self._loaded = load_vote_model(self.settings)
        return self._loaded

    async def _without_control_tokens(
        self, questions: Mapping[str, Request], inputs: VoteInputs, take: Take
    ) -> list[_Questions]:
        """The questions, image by image, that hold nothing that would end their turn or stand for an image."""
        groups: dict[str, _Questions] = {}
        for key, request in questions.items():
            if request.image is None:
                raise ValueError(f"a request of stage {request.stage} came without an image")
            if token := inputs.control_token(request.text):
                detail = f"the prompt holds the model's control token {token}"
                await take(key, self._unanswered("unaskable", request.image, detail))
            else:
                group = groups.setdefault(request.image.image_id, _Questions(request.image))
                group.requests[key] = request
        return list(groups.values())

    async def _prepared(
        self, window: Sequence[_Questions], ready: Sequence[Future[PreparedImage]], take: Take
    ) -> list[tuple[_Questions, PreparedImage]]:
        """The images that can be scored, the shortest prefix first."""
        prepared = []
        for group, future in zip(window, ready, strict=True):
            try:
                prepared.append((group, await asyncio.wrap_future(future)))
            except (OSError, ValueError) as error:
                reply = self._unanswered("unaskable", group.image, f"the image cannot be read ({error})")
                await _take_all(dict.fromkeys(group.requests, reply), take)
        return sorted(prepared, key=lambda pair: pair[1].shared)

    async def _score(
        self, prepared: Sequence[tuple[_Questions, PreparedImage]], model: VoteModel, take: Take, gate: Gate
    ) -> None:
        groups = iter([group for group, _ in prepared])
        for pack in model.packs([image for _, image in prepared]):
            gate()
            start = time.perf_counter()
            scores = await asyncio.to_thread(model.score, pack)
            seconds = (time.perf_counter() - start) / sum(len(image.prompts) for image in pack)
            replies: dict[str, Reply] = {}
            for image, of_image in zip(pack, scores, strict=True):
                replies |= self._replies(next(groups), image, of_image, seconds)
            await _take_all(replies, take)

    def _replies(
        self, group: _Questions, image: PreparedImage, scores: Scores | None, seconds: float
    ) -> dict[str, Reply]:
        if scores is None:
            reply = self._unanswered("failed", group.image, "does not fit into memory: set image_max_side")
            return dict.fromkeys(group.requests, reply)
        tokens = map(len, image.prompts)
        return {
            key: self._reply(group.image, score, count, seconds)
            for key, score, count in zip(group.requests, scores, tokens, strict=True)
        }

    def _reply(self, image: ImageContent, score: Score, tokens: int, seconds: float) -> Reply:
        if not score.finite:
            # Not an answer: it is the dtype, which is the user's to change, that is at fault, or the weights.
            return self._unanswered("failed", image, f"the logits are not finite as {self.settings.dtype}")
        self._masses.append(score.mass)
        return Reply(
            str(score.vote),
            "stop",
            self.model,
            p_yes=score.p_yes,
            usage={"prompt_tokens": tokens, "completion_tokens": 0},
            provider=self.name,
            seconds=seconds,
            raw={"logits": [score.zero, score.one], "mass": score.mass},
        )

    def _unanswered(self, finish_reason: str, image: ImageContent, detail: str) -> Reply:
        log.info("endpoint %s: no vote about image %s: %s", self.settings.name, image.image_id, detail)
        return Reply("", finish_reason, self.model, detail=detail[:500], provider=self.name)

    def _tell_masses(self) -> None:
        """How probable "0" and "1" are among all tokens says whether the model was asked in a form that it knows."""
        if not self._masses:
            return
        median = statistics.median(self._masses)
        log.info("endpoint %s: 0 and 1 have %.3f of the probability (median)", self.settings.name, median)
        if median < _LITTLE_MASS:
            log.warning(
                "endpoint %s: the model would rather say something else than 0 or 1 (they have %.3f of the "
                "probability, median); template_options and reply_prefix can bring it to begin with its vote",
                self.settings.name,
                median,
            )


class _Preparation:
    """Makes images ready beside the model: some threads decode, and one runs the processor, which bears no more."""

    def __init__(self, inputs: VoteInputs, max_side: int | None) -> None:
        self._inputs = inputs
        self._max_side = max_side
        self._readers = ThreadPoolExecutor(_READERS)
        self._processor = ThreadPoolExecutor(1)

    def start(self, group: _Questions) -> Future[PreparedImage]:
        """Begin; the result may be ``OSError`` or ``ValueError`` for an image that cannot be used."""
        image = self._readers.submit(_picture, group.image, self._max_side)
        texts = [request.text for request in group.requests.values()]
        return self._processor.submit(lambda: self._inputs.prepare(image.result(), texts))

    def __enter__(self) -> _Preparation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processor.shutdown(cancel_futures=True)
        self._readers.shutdown(cancel_futures=True)


def _picture(image: ImageContent, max_side: int | None) -> Image.Image:
    return scaled_down(decode_rgb(image.read()), max_side)


def _windows(groups: Sequence[_Questions], most: int) -> list[list[_Questions]]:
    """``groups`` in their order, in parts of at most ``most`` questions and ``_MOST_IMAGES``, or of one image."""
    windows: list[list[_Questions]] = []
    questions = 0
    for group in groups:
        questions += len(group.requests)
        if not windows or questions > most or len(windows[-1]) == _MOST_IMAGES:
            windows.append([])
            questions = len(group.requests)
        windows[-1].append(group)
    return windows


async def _take_all(replies: Mapping[str, Reply], take: Take) -> None:
    """Hand over ``replies`` together, so that they are recorded together; then raise what the first one met."""
    outcomes = await asyncio.gather(*(take(key, reply) for key, reply in replies.items()), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
