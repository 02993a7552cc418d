"""Shards are embedded in order, whoever decodes, and what cannot be read is a named reject."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from image_files import image_file
from taskgalaxy.clip import Clip, ClipSettings
from taskgalaxy.embed import embed_shard
from taskgalaxy.errors import UserError
from taskgalaxy.images import ImageFile
from taskgalaxy.schemas import REJECTS
from taskgalaxy.tables import to_arrow
from tiny_clips import save_clip
from unit.test_clip import encoded, picture


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(ClipSettings(save_clip(tmp_path_factory.mktemp("clip")), batch_size=4))


def written(folder: Path, count: int) -> list[ImageFile]:
    images = []
    for seed in range(count):
        data = encoded(picture(40 + 13 * seed, 60, seed), "JPEG")
        path = folder / f"{seed}.jpg"
        path.write_bytes(data)
        images.append(image_file(path))
    return images


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_images_are_embedded_in_their_order(clip: Clip, tmp_path: Path, workers: int) -> None:
    images = written(tmp_path, 10)
    embedded, rejects = embed_shard(clip, images, workers)
    assert embedded.ids == [image.image_id for image in images]
    assert rejects == []
    for image, vector in zip(images, embedded.vectors, strict=True):
        alone = clip.encode(torch.from_numpy(clip.cut(image.read()))[None])[0]
        assert vector == pytest.approx(alone.numpy(), abs=1e-5)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("lost", [{5}, {0, 1, 2, 3}, set(range(10))])
def test_what_cannot_be_read_any_more_is_a_reject_and_the_rest_is_embedded(
    clip: Clip, tmp_path: Path, lost: set[int], workers: int
) -> None:
    images = written(tmp_path, 10)
    for number in lost:
        (tmp_path / images[number].path).write_bytes(b"another image")
    if 5 in lost:
        (tmp_path / images[5].path).unlink()
    embedded, rejects = embed_shard(clip, images, workers)
    assert embedded.ids == [image.image_id for number, image in enumerate(images) if number not in lost]
    assert len(embedded.vectors) == 10 - len(lost)
    assert to_arrow(rejects, REJECTS)["reason"].to_pylist() == ["image_changed"] * len(lost)
    assert [row["image_id"] for row in rejects] == [images[number].image_id for number in sorted(lost)]


class _WithoutIndex:
    image_id = "0"

    def read(self) -> bytes:
        raise UserError("pool.sqlite", "is no readable index of pool.zip", "run snakemake again")


@pytest.mark.parametrize("workers", [0, 1])
def test_what_its_source_tells_the_user_arrives_from_a_worker(clip: Clip, workers: int) -> None:
    with pytest.raises(UserError, match=r"^pool.sqlite: is no readable index of pool.zip. Run snakemake again.$"):
        embed_shard(clip, [_WithoutIndex()], workers)


def test_bytes_that_do_not_decode_are_a_reject(clip: Clip, tmp_path: Path) -> None:
    """Its content is what was inspected, so this should not be; it costs one image all the same."""
    data = encoded(picture(400, 300), "JPEG")[:-2000]
    (tmp_path / "cut.jpg").write_bytes(data)
    cut = image_file(tmp_path / "cut.jpg")
    embedded, (rejected,) = embed_shard(clip, [*written(tmp_path, 2), cut], 0)
    assert len(embedded.ids) == 2
    assert (rejected["image_id"], rejected["reason"]) == (cut.image_id, "image_changed")
    assert "truncated" in rejected["detail"]


def test_embeddings_that_are_not_finite_are_rejects(tmp_path: Path) -> None:
    broken = Clip(ClipSettings(save_clip(tmp_path / "clip"), batch_size=4))
    broken._encode_image = lambda values: (
        values.flatten(1)[:, :16] * torch.tensor([1.0, np.nan, 1])[: len(values), None]
    )
    images = written(tmp_path, 3)
    embedded, (rejected,) = embed_shard(broken, images, 0)
    assert embedded.ids == [images[0].image_id, images[2].image_id]
    assert (rejected["image_id"], rejected["reason"]) == (images[1].image_id, "embedding_not_finite")


def test_a_shard_without_images_is_empty(clip: Clip) -> None:
    embedded, rejects = embed_shard(clip, [], 1)
    assert (embedded.ids, embedded.vectors.shape, rejects) == ([], (0, 0), [])
