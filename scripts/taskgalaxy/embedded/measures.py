"""What can be measured in a picture: the interface that both ways of measuring share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from taskgalaxy.embedded.colours import COOL, WARM, Shares
from taskgalaxy.embedded.pixels import Floats, Picture

DIRECTIONS = ("horizontal", "vertical", "rising diagonal", "falling diagonal")
"""Directions in which edges run; a rising diagonal goes from the lower left to the upper right."""


class Background(NamedTuple):
    """The colour along the border, and the share of the border that has it."""

    colour: str
    uniformity: float


class Regions(NamedTuple):
    """Connected areas that differ from the background, each at least ``MIN_REGION`` of the picture.

    Attributes:
        number: how many.
        largest: the largest one's share of the picture.
        x, y: where its centre of mass lies, 0 to 1 from the left and from the top.
    """

    number: int
    largest: float
    x: float
    y: float


MIN_REGION = 0.002
"""Smaller areas are specks and are not counted."""


class Measures(ABC):
    """Measurements of one picture, each made when it is first asked for."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    @property
    def width(self) -> int:
        return self.picture.width

    @property
    def height(self) -> int:
        return self.picture.height

    @property
    @abstractmethod
    def colours(self) -> Shares:
        """The colour names of the whole picture."""

    @property
    @abstractmethod
    def half_colours(self) -> tuple[Shares, Shares]:
        """The colour names of the upper and of the lower half."""

    @property
    @abstractmethod
    def foreground_colours(self) -> Shares | None:
        """The colour names of what differs from the background, where a background can be told."""

    @property
    @abstractmethod
    def lightness(self) -> float:
        """Mean lightness, 0 (black) to 100 (white)."""

    @property
    @abstractmethod
    def contrast(self) -> float:
        """Spread of lightness: the standard deviation, or an estimate of it."""

    @property
    @abstractmethod
    def colourfulness(self) -> float:
        """Mean chroma in L*a*b*, or an estimate of it: 0 for grey, 40 and more for strong colours."""

    @property
    @abstractmethod
    def grid(self) -> Floats:
        """Lightness of a grid of 3 by 3 parts, shape (3, 3)."""

    @property
    @abstractmethod
    def halves(self) -> tuple[float, float, float, float]:
        """Lightness of the left, right, upper and lower half."""

    @property
    @abstractmethod
    def middle_and_rim(self) -> tuple[float, float]:
        """Lightness of the central quarter of the area, and of all the rest."""

    @property
    @abstractmethod
    def detail(self) -> float:
        """Share of the picture's pixels that lie on edges."""

    @property
    @abstractmethod
    def quadrant_detail(self) -> Floats:
        """Each quadrant's share of all edges, shape (2, 2), sum 1; zeros where there are none."""

    @property
    @abstractmethod
    def symmetry(self) -> tuple[float, float] | None:
        """How alike left and right, and top and bottom, mirrored, are: 1 for equal, near 0 for unrelated.

        None where the picture is so even that it means nothing.
        """

    @property
    @abstractmethod
    def background(self) -> Background: ...

    @property
    @abstractmethod
    def regions(self) -> Regions | None:
        """None where the border is not even enough to be a background."""

    @property
    @abstractmethod
    def directions(self) -> Floats | None:
        """Share of edges per entry of ``DIRECTIONS``; None where there are hardly any edges."""

    @property
    @abstractmethod
    def sharpness(self) -> float | None:
        """0 (soft) to 1 (the strongest edges are one pixel wide); None where there is no edge to judge by."""

    @property
    @abstractmethod
    def text_lines(self) -> int:
        """How many rows look like lines of text; 0 where rows are not separated as lines of text are."""

    @property
    @abstractmethod
    def empty(self) -> float:
        """Share of the picture's area in which next to nothing changes."""

    @property
    @abstractmethod
    def repetition(self) -> float:
        """How well the picture matches itself when it is shifted, 0 to 1."""

    @property
    def warm_and_cool(self) -> tuple[float, float]:
        """The shares of warm and of cool colours in the picture."""
        shares = self.colours
        warm = sum(share for name, share in shares.items() if name in WARM)
        cool = sum(share for name, share in shares.items() if name in COOL)
        return warm, cool
