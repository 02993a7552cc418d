"""New task types from the vocabulary, written as a language model would write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskgalaxy.embedded.vocabulary import Vocabulary
from taskgalaxy.labels import join_levels, label_key, split_levels


def reply_expand(variables: Mapping[str, Any], vocabulary: Vocabulary) -> str:
    """The vocabulary's children of ``parent`` that are not among ``children``, one path per line, or "None"."""
    parent = split_levels(variables["parent"]) if variables["parent"] else []
    known = {label_key(label) for label in variables["children"]}
    new = [label for label in vocabulary.children(parent) if label_key(label) not in known]
    return "\n".join(join_levels([*parent, label]) for label in new) or "None"
