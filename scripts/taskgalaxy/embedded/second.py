"""The second way of measuring: other algorithms at other resolutions, to check what the first one found."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import ndimage

from taskgalaxy.embedded.colours import Shares, name_of, shares_by_clusters
from taskgalaxy.embedded.first import find_regions
from taskgalaxy.embedded.measures import Background, Measures, Regions
from taskgalaxy.embedded.pixels import Floats, Mask, cells, lab_of, luma_of

_COLOUR_SIDE = 96
_SHAPE_SIDE = 288
_LIGHT_SIDE = 120
_LINES_SIDE = 448


class SecondMeasures(Measures):
    """See :class:`Measures`; colours by clusters, regions by the largest difference from the border's mode."""

    @cached_property
    def colours(self) -> Shares:
        return shares_by_clusters(self.picture.lab(_COLOUR_SIDE).reshape(-1, 3))

    @cached_property
    def half_colours(self) -> tuple[Shares, Shares]:
        upper, lower = np.array_split(self.picture.lab(_COLOUR_SIDE), 2)
        return shares_by_clusters(upper.reshape(-1, 3)), shares_by_clusters(lower.reshape(-1, 3))

    @cached_property
    def foreground_colours(self) -> Shares | None:
        mask = self._foreground
        if self.background.uniformity < 0.6 or mask.mean() < 0.01:
            return None
        return shares_by_clusters(self.picture.lab(_SHAPE_SIDE)[mask][::5])

    @cached_property
    def warm_and_cool(self) -> tuple[float, float]:
        """By the hue angle in L*a*b* of pixels that are not grey, and not by names."""
        lab = self.picture.lab(_COLOUR_SIDE)
        angle = np.rad2deg(np.arctan2(lab[..., 2], lab[..., 1]))
        coloured = (np.hypot(lab[..., 1], lab[..., 2]) > 8) & (lab[..., 0] > 12)
        warm = coloured & (angle > 10) & (angle < 108)
        cool = coloured & ((angle > 115) | (angle < -45))
        return float(warm.mean()), float(cool.mean())

    @cached_property
    def _luma(self) -> Floats:
        return self.picture.luma(_LIGHT_SIDE)

    @cached_property
    def lightness(self) -> float:
        return float(np.sort(self._luma, axis=None)[:: max(1, self._luma.size // 2000)].mean())

    @cached_property
    def contrast(self) -> float:
        return float(np.abs(self._luma - self._luma.mean()).mean() * 1.25)

    @cached_property
    def colourfulness(self) -> float:
        rgb = self.picture.rgb(_COLOUR_SIDE).astype(np.float32)
        red_green = rgb[..., 0] - rgb[..., 1]
        yellow_blue = (rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2]
        return float(np.hypot(red_green, yellow_blue).mean() * 0.5)

    @cached_property
    def grid(self) -> Floats:
        return np.array([[float(np.median(part)) for part in row] for row in cells(self._luma, 3, 3)], np.float32)

    @cached_property
    def halves(self) -> tuple[float, float, float, float]:
        columns, rows = self._luma.mean(0), self._luma.mean(1)
        parts = *np.array_split(columns, 2), *np.array_split(rows, 2)
        left, right, upper, lower = (float(part.mean()) for part in parts)
        return left, right, upper, lower

    @cached_property
    def middle_and_rim(self) -> tuple[float, float]:
        grid = np.array([[part.mean() for part in row] for row in cells(self._luma, 4, 4)])
        middle = float(grid[1:3, 1:3].mean())
        return middle, float((grid.sum() - 4 * middle) / 12)

    @cached_property
    def _fine(self) -> Floats:
        """How far each pixel is from the mean of its surroundings."""
        luma = self.picture.luma(160)
        return np.asarray(np.abs(luma - ndimage.uniform_filter(luma, 5)), np.float32)

    @cached_property
    def detail(self) -> float:
        return float((self._fine > 5).mean())

    @cached_property
    def quadrant_detail(self) -> Floats:
        sums = np.array([[part.sum() for part in row] for row in cells(self._fine, 2, 2)], np.float32)
        total = float(sums.sum())
        return (sums / max(total, 1.0)).astype(np.float32)

    @cached_property
    def symmetry(self) -> tuple[float, float] | None:
        rgb = self.picture.square(40).astype(np.float32)
        across = float(np.abs(rgb - rgb[:, ::-1]).mean())
        down = float(np.abs(rgb - rgb[::-1]).mean())
        chance = np.random.default_rng(0)
        usual = float(np.mean([np.abs(rgb - _shuffled(rgb, chance)).mean() for _ in range(4)]))
        if usual < 3:
            return None
        return 1 - across / usual, 1 - down / usual

    @cached_property
    def background(self) -> Background:
        lab = self.picture.lab(_COLOUR_SIDE)
        height, width = max(2, lab.shape[0] // 16), max(2, lab.shape[1] // 16)
        rows = [0, lab.shape[0] // 4, lab.shape[0] // 2, lab.shape[0] * 3 // 4, lab.shape[0] - height]
        columns = [0, lab.shape[1] // 4, lab.shape[1] // 2, lab.shape[1] * 3 // 4, lab.shape[1] - width]
        places = [(y, x) for y in rows for x in columns if y in (rows[0], rows[-1]) or x in (columns[0], columns[-1])]
        patches = [np.median(lab[y : y + height, x : x + width].reshape(-1, 3), 0) for y, x in places]
        usual = np.median(patches, axis=0).astype(np.float32)
        alike = np.mean([float(np.linalg.norm(patch - usual)) < 12 for patch in patches])
        return Background(name_of(usual), float(alike))

    @cached_property
    def _foreground(self) -> Mask:
        """What differs from the border's most usual colour in any channel, after smoothing."""
        lab = ndimage.uniform_filter(self.picture.lab(_SHAPE_SIDE), size=(2, 2, 0))
        ring = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
        cells = np.round(ring / 4).astype(int)
        usual, counts = np.unique(cells, axis=0, return_counts=True)
        return np.asarray(np.abs(lab - 4 * usual[counts.argmax()]).max(-1) > 12, np.bool_)

    @cached_property
    def regions(self) -> Regions | None:
        if self.background.uniformity < 0.6:
            return None
        cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.int8)
        return find_regions(self._foreground, cross)

    @cached_property
    def directions(self) -> Floats | None:
        luma = luma_of(self.picture.rgb(128))
        if self.detail < 0.005:
            return None
        # In the spectrum an edge is a ray at right angles to it. Cut square, so that angles are true.
        side = min(luma.shape)
        top, left = (luma.shape[0] - side) // 2, (luma.shape[1] - side) // 2
        luma = luma[top : top + side, left : left + side]
        window = np.hanning(side)[:, None] * np.hanning(side)
        power = np.abs(np.fft.fftshift(np.fft.fft2((luma - luma.mean()) * window))) ** 2
        y, x = np.mgrid[: power.shape[0], : power.shape[1]] - side // 2
        far = np.hypot(y, x)
        used = (far >= 3) & (far <= side / 2)
        sector = (np.round((np.rad2deg(np.arctan2(-y, x)) + 90) / 45) % 4).astype(int)
        # Weighted by the frequency, as a derivative would be.
        sums = np.bincount(sector[used], (power * far**2)[used], 4)[[0, 2, 1, 3]]
        return (sums / max(float(sums.sum()), 1e-6)).astype(np.float32)

    @cached_property
    def sharpness(self) -> float | None:
        luma = self.picture.centre(256)
        if np.ptp(luma) < 10:
            return None
        # An edge that is one pixel wide rises by as much in one step as in three.
        ratios = []
        for turned in (luma, luma.T):
            single = np.abs(np.diff(turned, axis=1))
            triple = np.abs(turned[:, 3:] - turned[:, :-3])
            steepest = np.maximum(np.maximum(single[:, :-2], single[:, 1:-1]), single[:, 2:])
            strong = triple >= max(float(np.percentile(triple, 99)), 5.0)
            ratios.append((steepest[strong] / triple[strong]).ravel())
        ratio = np.concatenate(ratios)
        return float(np.clip(1.5 * ratio.mean() - 0.5, 0, 1)) if ratio.size else None

    @cached_property
    def text_lines(self) -> int:
        luma = self.picture.luma(_LINES_SIDE)
        paper = ndimage.percentile_filter(luma[::8, ::8], 60, 9)
        paper = np.kron(paper, np.ones((8, 8), np.float32))[: luma.shape[0], : luma.shape[1]]
        ink = np.abs(luma - paper) > 18
        if not 0.005 < ink.mean() < 0.5:
            return 0
        smeared = ndimage.binary_closing(ink, np.ones((1, 13), np.bool_))
        labels, _ = ndimage.label(smeared)
        middles = []
        heights = []
        for rows, columns in ndimage.find_objects(labels):
            height, width = rows.stop - rows.start, columns.stop - columns.start
            if 3 <= height <= 0.09 * luma.shape[0] and width >= 2.5 * height:
                part = ink[rows, columns]
                if 0.15 < part.mean() < 0.8:
                    middles.append((rows.start + rows.stop) / 2)
                    heights.append(height)
        if len(middles) < 3:
            return 0
        usual = float(np.median(heights))
        alike = [0.4 * usual <= height <= 2.2 * usual for height in heights]
        ordered = np.sort(np.array(middles)[alike])
        return int(1 + (np.diff(ordered) > 0.6 * usual).sum()) if len(ordered) else 0

    @cached_property
    def empty(self) -> float:
        parts = [part for row in cells(self.picture.luma(144), 12, 12) for part in row]
        return float(np.mean([np.ptp(part) < 8 if part.size else False for part in parts]))

    @cached_property
    def repetition(self) -> float:
        light = lab_of(self.picture.square(96))[..., 0]
        light = light - ndimage.gaussian_filter(light, 16)
        power = float((light**2).mean())
        if power < 4:
            return 0.0
        best = 0.0
        for turned in (light, light.T):
            scores = [float((turned[:, lag:] * turned[:, :-lag]).mean()) / power for lag in range(1, 41)]
            valley = 1.0
            for lag, score in enumerate(scores, 1):
                valley = min(valley, score)
                if lag >= 5 and score - valley > 0.15:
                    best = max(best, score)
        return min(best, 1.0)


def _shuffled(rgb: Floats, chance: np.random.Generator) -> Floats:
    """The same pixels in another order."""
    flat = rgb.reshape(-1, 3)
    return flat[chance.permutation(len(flat))].reshape(rgb.shape)
