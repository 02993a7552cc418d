"""Write the demo's rendered images and, apart from them, what is true of them.

Run as ``python -m renderer --out FOLDER --truth FILE`` with ``scripts`` on the Python path. The file
names are numbers in a shuffled order, so that no step of the pipeline can read a family off a name; the
truth file, one JSON line per image in the order of the names, is for the report alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image

from renderer.canvas import chance, whole
from renderer.families import FAMILIES, is_drawn, render
from renderer.vocabulary import fitting_task_types, general_task_types, read_vocabulary
from taskgalaxy.errors import UserError
from taskgalaxy.files import atomic, sha256_file, write_jsonl

DEMO = 2
"""Sets the demo's images apart from those that a model was trained on or is measured with."""

VOCABULARY = Path("resources/embedded/vocabulary.yaml")


def write_images(folder: Path, vocabulary_path: Path, per_family: int, seed: int) -> list[dict[str, Any]]:
    """Render ``per_family`` images of every family into ``folder``; returns the truth file's row of each.

    Raises:
        UserError: if the folder holds something already.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(str(folder), "holds files already, which would be mixed with the new ones", "empty it first")
    vocabulary = read_vocabulary(vocabulary_path)
    rng = np.random.default_rng([seed, DEMO])
    wanted = [(name, number) for name in FAMILIES for number in range(per_family)]
    rows = []
    for position, choice in enumerate(rng.permutation(len(wanted)), 1):
        name, number = wanted[int(choice)]
        path = _save(render(name, seed, DEMO, number), folder / f"{position:04}", is_drawn(name), rng)
        rows.append(
            {
                "path": path.name,
                "sha256": sha256_file(path),
                "family": name,
                "task_types": fitting_task_types(vocabulary, name),
            }
        )
    return rows


def _save(image: Image.Image, stem: Path, drawn: bool, rng: Generator) -> Path:
    """Save as people would: what is drawn mostly as PNG, what is shaded as JPEG, some of both as WebP."""
    options: dict[str, Any]
    if chance(rng, 0.2):
        suffix, options = ".webp", {"quality": whole(rng, 72, 86), "method": 4}
    elif drawn and chance(rng, 0.8):
        suffix, options = ".png", {"optimize": True}
    else:
        suffix, options = ".jpg", {"quality": whole(rng, 74, 88), "optimize": True}
    path = stem.with_suffix(suffix)
    with atomic(path, "wb") as file:
        image.save(file, format={".jpg": "JPEG"}.get(suffix, suffix[1:].upper()), **options)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m renderer", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, required=True, help="folder for the images")
    parser.add_argument("--truth", type=Path, required=True, help="JSON Lines file for what is true of them")
    parser.add_argument("--vocabulary", type=Path, default=VOCABULARY, help="task types and the families they fit")
    parser.add_argument("--per-family", type=int, default=3, help="images per family (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="fixes every pixel (default: 0)")
    options = parser.parse_args(arguments)
    rows = write_images(options.out, options.vocabulary, options.per_family, options.seed)
    general = {"any": general_task_types(read_vocabulary(options.vocabulary))}
    write_jsonl(options.truth, [general, *rows])
    total = sum((options.out / row["path"]).stat().st_size for row in rows)
    print(f"{len(rows)} images of {len(FAMILIES)} families, {total:,} bytes, in {options.out}")


if __name__ == "__main__":
    main()
