"""Training captions: the ways in which a task type, or the family that it fits, may be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from renderer.canvas import chance, pick, whole
from renderer.vocabulary import Knowledge
from taskgalaxy.labels import join_levels
from tiny_clip.labels import OTHER_NAMES, salient_families

PHRASES = (
    "a picture of {}",
    "an image of {}",
    "a photo with {}",
    "{} recognition",
    "{} description",
    "{} analysis",
    "{} detection",
    "{} reading",
    "{} identification",
    "{} classification",
    "{} questions",
    "{} details",
    "parts of {}",
    "ideas for {}",
    "understanding of {}",
    "what {} means",
)
REMARKS = ("an image for {}", "a task about {}", "{} in images", "image based {}")

ONSETS = "b br c ch d f fr g gr h j k l m n p pl qu r s sh st t th tr v w".split()
VOWELS = "a e i o u ai au ea ee ie io oo ou".split()
ENDINGS = ["", "", "n", "r", "s", "t", "l", "nt", "ck", "ment", "tion", "ing", "er", "al", "ic", "ity", "y"]

MERELY_POSSIBLE = 0.05
"""Weight of a task type about pixels for a picture that does not bring it to mind, beside 1 for one that
does: after training it ranks behind what is specific to the picture and before what does not fit."""

Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Captions:
    """Texts, and how well each of them fits each family: ``fit`` of shape (families, texts), 0 to 1."""

    texts: list[str]
    fit: Weights


class CaptionSource:
    """Draws the captions of a training step from a vocabulary and the names of the families."""

    def __init__(self, vocabulary: Sequence[Knowledge], families: Sequence[str]) -> None:
        self.families = list(families)
        index = {name: position for position, name in enumerate(self.families)}
        self._own: list[list[tuple[Knowledge, Weights]]] = [[] for _ in self.families]
        self._general: list[tuple[Knowledge, Weights]] = []
        self._unknown: list[Knowledge] = []
        for each in vocabulary:
            fit = np.zeros(len(index), np.float32)
            if each.general:
                fit[:] = MERELY_POSSIBLE
                fit[[index[name] for name in salient_families(each.task_type) if name in index]] = 1
                self._general.append((each, fit))
                continue
            known = [index[name] for name in each.families if name in index]
            fit[known] = 1
            for position in known:
                self._own[position].append((each, fit))
            if not each.families:
                self._unknown.append(each)
        self._heads = sorted({each.levels[:-1] for each in vocabulary})

    def draw(self, rng: Generator, general: int, unknown: int) -> Captions:
        """One caption per family, ``general`` ones about pixels and ``unknown`` ones that fit no family."""
        texts, columns = [], []
        for position, own in enumerate(self._own):
            if own and chance(rng, 0.5):
                each, fit = own[int(rng.integers(len(own)))]
                texts.append(self._written(rng, each))
            else:
                texts.append(self._named(rng, self.families[position]))
                fit = np.zeros(len(self.families), np.float32)
                fit[position] = 1
            columns.append(fit)
        for choice in rng.permutation(len(self._general))[:general]:
            each, fit = self._general[int(choice)]
            texts.append(self._written(rng, each))
            columns.append(fit)
        for choice in rng.permutation(len(self._unknown))[:unknown]:
            texts.append(self._written(rng, self._unknown[int(choice)]))
            columns.append(np.zeros(len(self.families), np.float32))
        return Captions(texts, np.stack(columns, axis=1))

    def _written(self, rng: Generator, each: Knowledge) -> str:
        """A task type as its path, its leaf, under another head, or as a remark."""
        kind = rng.random()
        if kind < 0.45:
            text = each.task_type
        elif kind < 0.65:
            text = each.levels[-1]
        elif kind < 0.8:
            text = join_levels((*self._head(rng), each.levels[-1]))
        elif kind < 0.9:
            text = join_levels((each.levels[0], each.levels[-1]))
        else:
            text = pick(rng, REMARKS).format(each.levels[-1])
        return _reworded(rng, text)

    def _named(self, rng: Generator, family: str) -> str:
        """A family by one of its names, alone, in a phrase, or as a task type under any head."""
        name = family if chance(rng, 0.4) else pick(rng, OTHER_NAMES[family])
        kind = rng.random()
        if kind < 0.15:
            return name
        phrase = pick(rng, PHRASES).format(name)
        return _reworded(rng, phrase if kind < 0.4 else join_levels((*self._head(rng), phrase)))

    def _head(self, rng: Generator) -> tuple[str, ...]:
        """The upper levels of a task type: known ones, or a known first level over words without meaning."""
        head = pick(rng, self._heads)
        if chance(rng, 0.5):
            return head
        return head[0], pick(rng, PHRASES).format(meaningless_word(rng))


def meaningless_word(rng: Generator) -> str:
    """A made-up word that can be pronounced.

    Such words teach that one which is not known says nothing about the picture; without them every rare
    word is taken for one of the few captions that share its pieces.
    """
    syllables = whole(rng, 1, 3)
    return "".join(pick(rng, ONSETS) + pick(rng, VOWELS) for _ in range(syllables)) + pick(rng, ENDINGS)


def _reworded(rng: Generator, text: str) -> str:
    """``text``, at times with a word missing, or with meaningless ones added."""
    words = text.split(" ")
    if len(words) > 2 and chance(rng, 0.2):
        words.pop(int(rng.integers(len(words))))
    while chance(rng, 0.3):
        words.insert(int(rng.integers(len(words) + 1)), meaningless_word(rng))
    return " ".join(words)


def tokenizer_corpus(vocabulary: Sequence[Knowledge]) -> Iterator[str]:
    """The texts from which the tokenizer learns its pieces."""
    for each in vocabulary:
        yield each.task_type
        yield each.levels[-1]
    for family, names in OTHER_NAMES.items():
        for name in (family, *names):
            for phrase in (*PHRASES, *REMARKS):
                yield phrase.format(name)
