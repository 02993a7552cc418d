"""A picture as a row of numbers, for the probe that tells families of pictures apart."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from taskgalaxy.embedded.colours import NAMES, name_indices
from taskgalaxy.embedded.first import text_rows
from taskgalaxy.embedded.pixels import Floats, Picture, cells, lab_of

_SIDE = 128
_ORIENTATIONS = 8


def features(picture: Picture) -> Floats:
    """float32 of shape (n,): colours, tones, edges, lines, regions, spectrum and a coarse thumbnail."""
    rgb = picture.square(_SIDE)
    lab = lab_of(rgb)
    parts = [
        [np.log(picture.width / picture.height)],
        _colours(rgb, lab),
        _edges(lab[..., 0]),
        _lines(lab[..., 0]),
        _regions(lab),
        _spectrum(lab[..., 0]),
        _thumbnail(lab),
    ]
    return np.concatenate([np.asarray(part, np.float32).ravel() for part in parts])


def _colours(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], lab: Floats) -> list[float]:
    shares = np.bincount(name_indices(rgb).ravel(), minlength=len(NAMES)) / (_SIDE * _SIDE)
    light = lab[..., 0].ravel()
    chroma = np.hypot(lab[..., 1], lab[..., 2]).ravel()
    quantised = (rgb >> 4).astype(np.int64) @ np.array([256, 16, 1])
    frequent = np.sort(np.bincount(quantised.ravel(), minlength=4096))[::-1] / quantised.size
    return [
        *np.sqrt(shares),
        *np.sqrt(np.histogram(light, np.linspace(0, 100.01, 9))[0] / light.size),
        *np.sqrt(np.histogram(np.minimum(chroma, 99), [0, 4, 12, 25, 45, 100])[0] / light.size),
        *(lab.reshape(-1, 3).mean(0) / 50),
        *(lab.reshape(-1, 3).std(0) / 25),
        float(frequent[0]),
        float(frequent[1]),
        float(frequent[:4].sum()),
        float(frequent[:16].sum()),
        float(np.log((frequent > 0.0005).sum() + 1)),
    ]


def _edges(light: Floats) -> list[float]:
    across, down = ndimage.sobel(light, axis=1) / 8, ndimage.sobel(light, axis=0) / 8
    size = np.hypot(across, down)
    sector = (np.round(np.arctan2(down, across) / np.pi * _ORIENTATIONS) % _ORIENTATIONS).astype(int)
    weak = size < 2
    weight = np.where(weak, 0, np.minimum(size, 25))
    rows, columns = np.arange(_SIDE) * 4 // _SIDE, np.arange(_SIDE) * 4 // _SIDE
    cell = rows[:, None] * 4 + columns
    sums = np.bincount((cell * _ORIENTATIONS + sector).ravel(), weight.ravel(), 16 * _ORIENTATIONS)
    sums = sums.reshape(16, _ORIENTATIONS)
    total = sums.sum(0)
    by_cell = sums.reshape(16, 4, 2).sum(2)
    return [
        *(total / max(float(total.sum()), 1)),
        *np.log1p(by_cell.ravel() / 200),
        *[float((size > threshold).mean()) for threshold in (2, 5, 10, 20)],
        float(np.percentile(size, 99) / 25),
        float(weak.mean()),
        float(np.abs(light - ndimage.uniform_filter(light, 3)).mean() / 4),
    ]


def _lines(light: Floats) -> list[float]:
    """How ink is spread over rows and columns, and what looks like lines of text."""
    changes = np.abs(np.diff(light, axis=1)) > 10
    crossing = np.abs(np.diff(light, axis=0)) > 10
    per_row, per_column = changes.mean(1), crossing.mean(0)
    runs = text_rows(changes.sum(1).astype(np.float32), 6)
    heights = [end - start for start, end in runs]
    steps = np.diff([start for start, _ in runs]) if len(runs) > 1 else np.zeros(1)
    return [
        *np.sqrt([part.mean() for part in np.array_split(per_row, 16)]),
        *np.sqrt([part.mean() for part in np.array_split(per_column, 16)]),
        float(np.log1p(len(runs))),
        float(np.mean(heights)) / 10 if heights else 0.0,
        float(np.std(steps) / max(1.0, float(np.mean(steps)))),
        float(np.abs(np.diff(per_row)).mean() * 10),
        float(np.abs(np.diff(per_column)).mean() * 10),
        *[float((crossing.mean(1) > share).mean()) for share in (0.3, 0.6, 0.85)],
        *[float((changes.mean(0) > share).mean()) for share in (0.3, 0.6, 0.85)],
    ]


def _regions(lab: Floats) -> list[float]:
    """Connected areas that differ from the border's colour, and how alike halves are."""
    ring = np.concatenate([lab[:2].reshape(-1, 3), lab[-2:].reshape(-1, 3), lab[:, :2].reshape(-1, 3),
                           lab[:, -2:].reshape(-1, 3)])  # fmt: skip
    ground = np.median(ring, axis=0)
    mask = np.abs(lab - ground).max(-1) > 12
    labels, _ = ndimage.label(mask)
    areas = np.bincount(labels.ravel())[1:].astype(float)
    kept = np.sort(areas[areas >= 8])[::-1] / mask.size
    holes, _ = ndimage.label(~mask)
    hole_areas = np.bincount(holes.ravel())[1:]
    light = lab[..., 0] - lab[..., 0].mean()
    power = float((light**2).mean()) + 1.0
    biggest = np.zeros(4)
    if len(kept):
        y, x = np.nonzero(labels == int(areas.argmax()) + 1)
        box = (np.ptp(y) + 1) * (np.ptp(x) + 1)
        biggest = np.array([y.mean() / 128, x.mean() / 128, len(y) / box, np.log((np.ptp(x) + 1) / (np.ptp(y) + 1))])
    return [
        *(ground / 50),
        float((np.abs(ring - ground).max(-1) < 12).mean()),
        float(mask.mean()),
        float(np.log1p(len(kept))),
        float(np.log1p((areas < 8).sum())),
        *[float(np.sqrt(kept[at])) if at < len(kept) else 0.0 for at in range(4)],
        float(np.std(kept) / np.mean(kept)) if len(kept) else 0.0,
        float(np.log1p((hole_areas >= 8).sum())),
        *biggest,
        *[float((light * turned).mean()) / power for turned in (light[:, ::-1], light[::-1], light.T, np.rot90(light))],
    ]


def _spectrum(light: Floats) -> list[float]:
    power = np.abs(np.fft.fftshift(np.fft.fft2(light - light.mean()))) ** 2
    y, x = np.mgrid[:_SIDE, :_SIDE] - _SIDE // 2
    far = np.hypot(y, x)
    total = float(power.sum()) + 1.0
    rings = [float(power[(far >= low) & (far < high)].sum()) / total for low, high in _RINGS]
    whole = np.fft.ifft2(np.fft.ifftshift(power)).real
    match = np.fft.fftshift(whole / (whole[0, 0] + 1.0))
    peaks = [float(match[(far >= low) & (far < high)].max()) for low, high in ((5, 10), (10, 18), (18, 32), (32, 60))]
    valleys = [float(match[(far >= low) & (far < high)].min()) for low, high in ((2, 5), (5, 10), (10, 18), (18, 32))]
    top = np.sort(power.ravel())[::-1]
    return [*np.sqrt(rings), *peaks, *valleys, float(top[:8].sum() / total), float(top[:64].sum() / total)]


_RINGS = ((1, 2), (2, 3), (3, 5), (5, 8), (8, 12), (12, 18), (18, 27), (27, 40), (40, 64))


def _thumbnail(lab: Floats) -> list[float]:
    light = np.array([[part.mean() for part in row] for row in cells(lab[..., 0], 10, 10)])
    spread = np.array([[part.std() for part in row] for row in cells(lab[..., 0], 8, 8)])
    colour = np.array([[part.mean((0, 1)) for part in row] for row in cells(lab[..., 1:], 5, 5)])
    return [*(light / 50 - 1).ravel(), *(spread / 20).ravel(), *(colour / 30).ravel()]
