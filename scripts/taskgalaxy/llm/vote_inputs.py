"""From an image and the prompts about it to what a vision-language model takes, in the checkpoint's own form."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from PIL import Image

from taskgalaxy.errors import UserError

log = logging.getLogger(__name__)

Inputs = dict[str, torch.Tensor]
"""Keyword arguments of a model's forward pass."""

_SPELLINGS = ("{}", "▁{}", "Ġ{}")
"""How vocabularies write a token: as its text is, and with the space before it (SentencePiece, byte-level BPE)."""


@dataclass(frozen=True)
class PreparedImage:
    """An image and the prompts about it, ready to be scored.

    Attributes:
        prompts: the token ids of every prompt, with a token for each of the image's features.
        shared: how many tokens all prompts begin with, those of the image among them; less than any has.
        token_inputs: what the model takes per token besides ids and mask, for the shared ones: shape (1, shared).
        image_inputs: what it takes of the image, such as pixel values. Those of several images are concatenated
            along the first dimension.
    """

    prompts: Sequence[Sequence[int]]
    shared: int
    token_inputs: Inputs
    image_inputs: Inputs

    def alone(self, index: int) -> Inputs:
        """The inputs of one of the prompts, as the processor would make them."""
        ids = torch.tensor([self.prompts[index]])
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), **self.image_inputs}
        for name, values in self.token_inputs.items():
            # After the image all tokens are text.
            inputs[name] = torch.nn.functional.pad(values, (0, ids.shape[1] - self.shared))
        return inputs


class VoteInputs:
    """A checkpoint's processor and chat template, as they are used for votes; for one thread.

    Attributes:
        padding: the token that fills up shorter prompts.
        votes: the tokens that say 0, and those that say 1.
    """

    def __init__(
        self,
        processor: Any,
        processor_options: Mapping[str, Any],
        template_options: Mapping[str, Any],
        reply_prefix: str,
    ) -> None:
        """Put questions to the checkpoint of ``processor``, whose reply is taken to begin with ``reply_prefix``.

        Raises:
            UserError: if its tokenizer has no token for 0 or for 1.
        """
        self._processor = processor
        self._tokenizer = processor.tokenizer
        self._processor_options = processor_options
        self._template_options = template_options
        self._reply_prefix = reply_prefix
        self._control_tokens = _control_tokens(processor)
        self._expands: bool | None = None
        self.votes = vote_tokens(self._tokenizer.get_vocab())
        padding = self._tokenizer.pad_token_id
        self.padding: int = self._tokenizer.eos_token_id if padding is None else padding

    def control_token(self, text: str) -> str | None:
        """What in ``text`` the model would not read as words, such as the end of a turn."""
        return next((token for token in self._control_tokens if token in text), None)

    def prepare(self, image: Image.Image, texts: Sequence[str]) -> PreparedImage:
        """The image, and ``texts`` as prompts about it.

        Raises:
            ValueError: if the processor cannot take the image.
        """
        inputs = self._inputs(image, texts[0])
        ids = inputs.pop("input_ids")
        del inputs["attention_mask"]
        prompts = self._prompts(image, texts, ids[0].tolist())
        shared = min(_common_start(prompts), min(map(len, prompts)) - 1)
        token_inputs = {name: value[:, :shared] for name, value in inputs.items() if value.shape == ids.shape}
        image_inputs = {name: value for name, value in inputs.items() if value.shape != ids.shape}
        return PreparedImage(prompts, shared, token_inputs, image_inputs)

    def _inputs(self, image: Image.Image, text: str) -> Inputs:
        """All inputs of one prompt, by the processor."""
        chat = self._chat(text)
        inputs = self._processor(
            images=[image], text=[chat], return_tensors="pt", **self._processor_options, **self._text_options(chat)
        )
        return {name: value for name, value in inputs.items() if isinstance(value, torch.Tensor)}

    def _chat(self, text: str) -> str:
        content = [{"type": "image"}, {"type": "text", "text": text}]
        chat: str = self._processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=False,
            **self._template_options,
        )
        return chat + self._reply_prefix

    def _text_options(self, chat: str) -> dict[str, Any]:
        """A template that writes the token of a beginning needs no second one."""
        beginning = self._tokenizer.bos_token
        return {"add_special_tokens": False} if beginning and chat.startswith(beginning) else {}

    def _prompts(self, image: Image.Image, texts: Sequence[str], first: list[int]) -> list[list[int]]:
        """The token ids of all ``texts``, of which the processor has made ``first`` of the first.

        For each of the others the processor would go through the image again. So they are tokenized alone,
        which leaves the image one token, and get the beginning of the first one, in which it is many.
        """
        others = texts[1:]
        if self._expands is False:
            return [first, *(self._ids(image, text) for text in others)]
        alone = self._tokenized(texts[0])
        same = _common_start([first[::-1], alone[::-1]])
        start, opening = alone[: len(alone) - same], first[: len(first) - same]
        prompts = [first]
        for text in others:
            tokens = self._tokenized(text)
            expanded = opening + tokens[len(start) :]
            prompts.append(expanded if tokens[: len(start)] == start else self._ids(image, text))
        if self._expands is None and others:
            self._expands = prompts[1] == self._ids(image, others[0])
            if not self._expands:
                log.warning("the processor tokenizes in a way of its own; it goes through an image once per prompt")
                return self._prompts(image, texts, first)
        return prompts

    def _ids(self, image: Image.Image, text: str) -> list[int]:
        ids: list[int] = self._inputs(image, text)["input_ids"][0].tolist()
        return ids

    def _tokenized(self, text: str) -> list[int]:
        chat = self._chat(text)
        ids: list[int] = self._tokenizer(chat, **self._text_options(chat))["input_ids"]
        return ids


def vote_tokens(vocabulary: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """The ids of the tokens that say 0 and of those that say 1, with or without a space before the digit.

    Raises:
        UserError: if there is none of either.
    """
    zeros, ones = (
        [vocabulary[name] for name in (spelling.format(vote) for spelling in _SPELLINGS) if name in vocabulary]
        for vote in (0, 1)
    )
    if not zeros or not ones:
        raise UserError(
            "roles.referees", "a model's tokenizer has no token that says 0, or none that says 1", "use another model"
        )
    return zeros, ones


def left_padded(rows: Sequence[Sequence[int]], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``rows`` filled up on the left, and the mask of what was there; both int64 of shape (rows, longest row)."""
    length = max(map(len, rows))
    values = torch.tensor([[padding] * (length - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    return values, mask


def _common_start(rows: Sequence[Sequence[int]]) -> int:
    """How many values all ``rows`` begin with."""
    return sum(1 for _ in takewhile(lambda values: len(set(values)) == 1, zip(*rows, strict=False)))


def _control_tokens(processor: Any) -> list[str]:
    tokens = {token.content for token in processor.tokenizer.added_tokens_decoder.values() if token.special}
    placeholders = {getattr(processor, name, None) for name in ("image_token", "video_token")}
    return sorted(token for token in tokens | placeholders if token)
