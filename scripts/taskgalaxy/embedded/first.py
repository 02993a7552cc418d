"""The first way of measuring: rules and averages on a picture of at most 192 pixels. Questions come from it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import ndimage

from taskgalaxy.embedded.colours import NAMES, Shares, name_indices, shares_by_rules
from taskgalaxy.embedded.measures import MIN_REGION, Background, Measures, Regions
from taskgalaxy.embedded.pixels import Floats, Mask, cells, lab_of, luma_of

SIDE = 192
_LINES_SIDE = 384
_DIFFERENT = 14.0
"""Distance in L*a*b* beyond which a pixel does not belong to the background."""
_EDGE = 12.0
"""Change of L* per pixel that makes an edge."""


class FirstMeasures(Measures):
    """See :class:`Measures`; colours by rules on hue, regions by distance from the border's median colour."""

    @cached_property
    def _lab(self) -> Floats:
        return self.picture.lab(SIDE)

    @cached_property
    def _light(self) -> Floats:
        return np.ascontiguousarray(self._lab[..., 0])

    @cached_property
    def colours(self) -> Shares:
        return shares_by_rules(self.picture.rgb(SIDE))

    @cached_property
    def half_colours(self) -> tuple[Shares, Shares]:
        rgb = self.picture.rgb(SIDE)
        middle = rgb.shape[0] // 2
        return shares_by_rules(rgb[:middle]), shares_by_rules(rgb[middle:])

    @cached_property
    def _border(self) -> tuple[Floats, float, Mask]:
        """The border's median colour (3,), the share of the border like it, and which pixels are not."""
        lab = self._lab
        ring = np.concatenate([lab[:3].reshape(-1, 3), lab[-3:].reshape(-1, 3), lab[:, :3].reshape(-1, 3),
                               lab[:, -3:].reshape(-1, 3)])  # fmt: skip
        median = np.median(ring, axis=0).astype(np.float32)
        alike = float((_distance(ring, median) < _DIFFERENT).mean())
        return median, alike, _distance(lab, median) >= _DIFFERENT

    @cached_property
    def foreground_colours(self) -> Shares | None:
        _, alike, different = self._border
        if alike < 0.7 or different.mean() < 0.01:
            return None
        return shares_by_rules(self.picture.rgb(SIDE)[different])

    @cached_property
    def lightness(self) -> float:
        return float(self._light.mean())

    @cached_property
    def contrast(self) -> float:
        return float(self._light.std())

    @cached_property
    def colourfulness(self) -> float:
        return float(np.hypot(self._lab[..., 1], self._lab[..., 2]).mean())

    @cached_property
    def grid(self) -> Floats:
        return np.array([[part.mean() for part in row] for row in cells(self._light, 3, 3)], np.float32)

    @cached_property
    def halves(self) -> tuple[float, float, float, float]:
        light = self._light
        row, column = light.shape[0] // 2, light.shape[1] // 2
        parts = light[:, :column], light[:, column:], light[:row], light[row:]
        left, right, upper, lower = (float(part.mean()) for part in parts)
        return left, right, upper, lower

    @cached_property
    def middle_and_rim(self) -> tuple[float, float]:
        light = self._light
        height, width = light.shape
        middle = light[height // 4 : height - height // 4, width // 4 : width - width // 4]
        rest = (float(light.sum()) - float(middle.sum())) / max(1, light.size - middle.size)
        return float(middle.mean()), rest

    @cached_property
    def _gradient(self) -> tuple[Floats, Floats, Floats]:
        """Change of L* to the right and downwards, and its size, per pixel."""
        across = ndimage.sobel(self._light, axis=1) / 8
        down = ndimage.sobel(self._light, axis=0) / 8
        return across, down, np.hypot(across, down)

    @cached_property
    def detail(self) -> float:
        return float((self._gradient[2] > _EDGE / 2).mean())

    @cached_property
    def quadrant_detail(self) -> Floats:
        edges = (self._gradient[2] > _EDGE / 2).astype(np.float32)
        sums = np.array([[part.sum() for part in row] for row in cells(edges, 2, 2)], np.float32)
        return (sums / max(1.0, float(sums.sum()))).astype(np.float32)

    @cached_property
    def symmetry(self) -> tuple[float, float] | None:
        light = lab_of(self.picture.square(64))[..., 0]
        light = light - light.mean()
        power = float((light**2).mean())
        if power < 9:
            return None
        across, down = (float((light * mirrored).mean()) / power for mirrored in (light[:, ::-1], light[::-1]))
        return across, down

    @cached_property
    def background(self) -> Background:
        rgb = self.picture.rgb(SIDE)
        ring = np.concatenate([rgb[:3].reshape(-1, 3), rgb[-3:].reshape(-1, 3), rgb[:, :3].reshape(-1, 3),
                               rgb[:, -3:].reshape(-1, 3)])  # fmt: skip
        counts = np.bincount(name_indices(ring), minlength=len(NAMES))
        best = int(counts.argmax())
        return Background(NAMES[best], float(min(counts[best] / counts.sum(), self._border[1])))

    @cached_property
    def regions(self) -> Regions | None:
        _, alike, different = self._border
        if alike < 0.7:
            return None
        return find_regions(different, np.ones((3, 3), np.int8))

    @cached_property
    def directions(self) -> Floats | None:
        across, down, size = self._gradient
        strong = size > _EDGE / 2
        if strong.mean() < 0.01:
            return None
        # An edge runs at right angles to the change; image rows count downwards.
        angle = np.rad2deg(np.arctan2(-down[strong], across[strong])) + 90
        sector = (np.round(angle / 45) % 4).astype(int)
        sums = np.bincount(sector, size[strong], 4)[[0, 2, 1, 3]]
        shares: Floats = (sums / sums.sum()).astype(np.float32)
        return shares

    @cached_property
    def sharpness(self) -> float | None:
        luma = self.picture.centre(384)
        low, high = np.percentile(luma[::2, ::2], (1, 99))
        if high - low < 10:
            return None
        steps = np.concatenate([np.abs(np.diff(luma, axis=0)).ravel()[::2], np.abs(np.diff(luma, axis=1)).ravel()[::2]])
        return float(min(1.0, np.percentile(steps, 99.5) / (high - low)))

    @cached_property
    def text_lines(self) -> int:
        luma = luma_of(self.picture.rgb(_LINES_SIDE))
        rises = (np.abs(np.diff(luma, axis=1)) > _EDGE).sum(1)
        least = 0.055 * luma.shape[1]
        runs = text_rows(rises.astype(np.float32), least)
        # A dashed line is thinner than letters, and the gaps of a grainy surface are hardly quieter than its rows.
        lines = sum(end - start >= 3 for start, end in runs)
        busy = rises >= least
        grainy = lines and np.median(rises[~busy]) > 0.35 * np.median(rises[busy])
        return 0 if grainy else int(lines)

    @cached_property
    def empty(self) -> float:
        parts = [part for row in cells(self._light, 16, 16) for part in row]
        return float(np.mean([part.std() < 2 for part in parts]))

    @cached_property
    def repetition(self) -> float:
        luma = luma_of(self.picture.square(128))
        luma = luma - ndimage.uniform_filter(luma, 48)
        power = np.abs(np.fft.rfft2(luma, (256, 256))) ** 2
        match = np.fft.irfft2(power)
        count = np.fft.irfft2(np.abs(np.fft.rfft2(np.ones_like(luma), (256, 256))) ** 2)
        if match[0, 0] < 4 * luma.size:
            return 0.0
        match = match / np.maximum(count, 1) * luma.size / match[0, 0]
        along = match[_RAYS]
        # A match counts if it comes after a worse one on the way: a bar is like itself all along its length.
        worst = np.minimum.accumulate(along, axis=1)
        peaks = np.where(along - worst > 0.2, along, 0)[:, 5:]
        return float(np.clip(peaks.max(), 0, 1))


_angles, _reach = np.deg2rad(np.arange(0, 180, 7.5))[:, None], np.arange(1, 49)
_RAYS = np.round(_reach * np.sin(_angles)).astype(int), np.round(_reach * np.cos(_angles)).astype(int)
"""Shifts (down, across) of 1 to 48 pixels in 24 directions, each of shape (24, 48)."""


def _distance(lab: Floats, colour: Floats) -> Floats:
    difference = lab - colour
    return np.asarray(np.sqrt(np.einsum("...c,...c->...", difference, difference)), np.float32)


def find_regions(mask: Mask, neighbours: np.ndarray[tuple[int, int], np.dtype[np.int8]]) -> Regions:
    """The connected areas of ``mask``; ``neighbours`` says which pixels touch (scipy's structure)."""
    labels, _ = ndimage.label(mask, structure=neighbours)
    areas = np.bincount(labels.ravel())[1:] / mask.size
    count = int((areas >= MIN_REGION).sum())
    if not count:
        return Regions(0, 0.0, 0.5, 0.5)
    largest = int(areas.argmax())
    y, x = np.nonzero(labels == largest + 1)
    height, width = mask.shape
    return Regions(count, float(areas[largest]), float((x.mean() + 0.5) / width), float((y.mean() + 0.5) / height))


def text_rows(changes: Floats, least: float) -> list[tuple[int, int]]:
    """The runs of rows (start, end) that look like lines of text.

    ``changes`` counts the changes from ink to paper and back in each row. Rows of text have many, at
    ``least`` so many, and are apart from each other by rows with fewer.
    """
    busy = changes >= max(6.0, least)
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], busy, [False]]).astype(np.int8)))
    runs = [(int(start), int(end)) for start, end in bounds.reshape(-1, 2) if end - start >= 2]
    height = len(changes)
    fitting = [run for run in runs if run[1] - run[0] <= 0.09 * height]
    gaps = ~busy
    if len(fitting) < 3 or sum(end - start for start, end in runs) > 0.9 * height or gaps.mean() < 0.12:
        return []
    usual = float(np.median([end - start for start, end in fitting]))
    even = [run for run in fitting if 0.5 * usual <= run[1] - run[0] <= 2 * usual]
    return even if len(even) >= max(3, 0.6 * len(runs)) else []
