"""The probe: which family a picture belongs to, learnt from rendered pictures, with a sense of what it never saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from taskgalaxy.embedded.pixels import Floats
from taskgalaxy.errors import UserError


@dataclass(frozen=True)
class Posterior:
    """What the probe says of one picture.

    Attributes:
        shares: the probability of each family; sums to 1.
        strangeness: how far the picture is from those of its most probable family, where 1 is as far as
            one in a hundred of them.
    """

    shares: Mapping[str, float]
    strangeness: float

    def of(self, families: Iterable[str]) -> float:
        """The probability that the picture belongs to one of ``families``."""
        return sum(self.shares.get(family, 0.0) for family in set(families))


@dataclass(frozen=True)
class Probe:
    """A network of one hidden layer over standardised features, and the families' places in feature space.

    Attributes:
        families: the names, in the order of the outputs.
        weights: ``mean`` and ``scale`` (n,), ``in_weight`` (n, h), ``in_bias`` (h,), ``out_weight`` (h, c),
            ``out_bias`` (c,), ``basis`` (n, d) that makes distances comparable, ``centres`` (c, d),
            ``reach`` (c,): the distance that one in a hundred of a family's pictures exceeds.
    """

    families: tuple[str, ...]
    weights: Mapping[str, Floats]

    def posterior(self, row: Floats) -> Posterior:
        """What the probe says of a picture with these features (n,)."""
        weights = self.weights
        standard = standardised(row, weights["mean"], weights["scale"])
        hidden = np.maximum(standard @ weights["in_weight"] + weights["in_bias"], 0)
        logits = hidden @ weights["out_weight"] + weights["out_bias"]
        odds = np.exp(logits - logits.max())
        shares = odds / odds.sum()
        best = int(shares.argmax())
        distance = float(np.linalg.norm(standard @ weights["basis"] - weights["centres"][best]))
        return Posterior(
            dict(zip(self.families, shares.tolist(), strict=True)), distance / float(weights["reach"][best])
        )


def standardised(rows: Floats, mean: Floats, scale: Floats) -> Floats:
    """Features as multiples of their spread, cut off at six."""
    limited: Floats = np.clip((rows - mean) / scale, -6, 6).astype(np.float32)
    return limited


_TENSORS = ("mean", "scale", "in_weight", "in_bias", "out_weight", "out_bias", "basis", "centres", "reach")


def load_probe(path: Path | str) -> Probe:
    """The probe at ``path``. Raises ``UserError`` if it cannot be read."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = (file.metadata() or {})["families"].split("\n")
            return Probe(tuple(names), {name: file.get_tensor(name) for name in _TENSORS})
    except (OSError, SafetensorError, KeyError) as error:
        raise UserError(
            str(path),
            f"cannot be read as the embedded provider's probe ({error})",
            "restore the file that came with the project, or train it: python -m taskgalaxy.embedded.train_probe",
        ) from error
