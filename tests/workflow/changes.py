"""Changes of a finished run, and effects that a change may have on its final set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
from PIL import Image
from safetensors.numpy import load_file, save_file

from archives import WRITERS
from taskgalaxy.files import sha256_file
from workflow.project import ROOT, Project, write_image


def touch(project: Project) -> None:
    os.utime(project.folder / "images" / "one" / "0000.png")


def move(project: Project) -> None:
    folder = project.folder / "images" / "one"
    (folder / "moved").mkdir()
    (folder / "0001.png").rename(folder / "moved" / "elsewhere.png")


def duplicate(project: Project) -> None:
    folder = project.folder / "images" / "one"
    (folder / "copy.png").write_bytes((folder / "0002.png").read_bytes())


def pack(project: Project, kind: str = "tar") -> None:
    """Put a source's images into an archive, a Parquet file or a list, at the paths that they had."""
    folder = project.folder / "images" / "one"
    contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    name, write, settings = WRITERS[kind]
    (project.folder / kind).mkdir()
    write(project.folder / kind / name, contents)
    entry = {"path": f"{kind}/{name}", "license": "CC0-1.0"}
    project.config["sources"]["one"] = entry | {key: f"{kind}/{value}" for key, value in settings.items()}


def replace(project: Project) -> None:
    write_image(project.folder / "images" / "one" / "0001.png", 30)


def remove(project: Project) -> None:
    (project.folder / "images" / "one" / "0001.png").unlink()


def remove_copy(project: Project) -> None:
    (project.folder / "images" / "one" / "0003.png").unlink()


def name_benchmark(project: Project) -> None:
    """A benchmark that has one image of the set as it is and another one scaled, and a question of a third."""
    folder = project.folder / "benchmark"
    folder.mkdir()
    image = Image.open(project.folder / "images" / "two" / "0004.png")
    image.resize((192, 160)).save(folder / "scaled.png")
    listed = sha256_file(project.folder / "images" / "two" / "0005.png")
    (project.folder / "listed.txt").write_text(f"{listed}  somewhere.png\n", encoding="utf-8")
    of_third = project.dataset().filter(pl.col("image") == "0000.png")["question"][0]
    (project.folder / "asked.txt").write_text(f"{of_third.upper()}\n", encoding="utf-8")
    project.config["decontaminate"] = {
        "benchmarks": {"exam": {"images": ["benchmark", "listed.txt"], "questions": ["asked.txt"]}}
    }


def add_seed(project: Project) -> None:
    project.seeds["Detection"]["object detection"]["shape detection"] = None


def comment_on_seeds(project: Project) -> None:
    with (project.folder / "seeds.yaml").open("a", encoding="utf-8") as file:
        file.write("# a comment\n")


def own_code(project: Project) -> Path:
    if project.code == ROOT:
        project.check_out()
    return project.code


def append(project: Project, path: str, line: str) -> None:
    with (own_code(project) / path).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def other_weights(project: Project) -> None:
    """The same folder with other weights, which are as large and older."""
    path = own_code(project) / "resources" / "tiny-clip" / "open_clip_model.safetensors"
    tensors = load_file(path)
    largest = max(tensors, key=lambda name: tensors[name].size)
    save_file({**tensors, largest: tensors[largest] * 1.25}, path, {"format": "pt"})
    os.utime(path, (1, 1))


def write_template(project: Project, name: str, form: str) -> None:
    """Another template that is older than the results, as a file may be that is moved into place."""
    path = own_code(project) / "config" / "prompts" / f"{name}.txt"
    path.write_text(form.format(path.read_text(encoding="utf-8")), encoding="utf-8")
    os.utime(path, (1, 1))


def replace_referee(project: Project) -> None:
    project.config["endpoints"]["fourth"] = {**project.config["endpoints"]["third"], "model": "test-fourth"}
    project.config["roles"]["referees"] = ["first", "second", "fourth"]


def drop_referee(project: Project) -> None:
    project.config["roles"]["referees"] = ["first", "second"]


def ask_otherwise(project: Project) -> None:
    for settings in project.config["endpoints"].values():
        settings |= {"concurrency": 3, "timeout_s": 33, "max_retries": 1}


def comment_on_code(project: Project) -> None:
    for path in ("Snakefile", "rules/filter.smk", "scripts/match.py", "scripts/taskgalaxy/topk.py"):
        append(project, path, "# a comment")


def edit_code(project: Project) -> None:
    for path in ("scripts/match.py", "scripts/taskgalaxy/topk.py"):
        append(project, path, "ANOTHER_NAME = 1")


def raise_version(project: Project) -> None:
    append(project, "scripts/taskgalaxy/versions.py", 'VERSIONS["referee"] += 1')


Effect = Callable[[pl.DataFrame, Project], bool]
"""Whether a change did to the final set, which is given as it was, what it should."""


def same(before: pl.DataFrame, project: Project) -> bool:
    """The samples are those that there were, in their order."""
    return project.dataset()["sample_id"].equals(before["sample_id"])


def was_moved(before: pl.DataFrame, project: Project) -> bool:
    """The samples of the moved image name its new place."""
    after = project.dataset()
    old, new = before.filter(pl.col("image") == "0001.png"), after.filter(pl.col("image") == "moved/elsewhere.png")
    return not old.is_empty() and old["sample_id"].equals(new["sample_id"]) and same(before, project)


def copy_stands_in(before: pl.DataFrame, project: Project) -> bool:
    """The samples of the removed copy are now those of the other one."""
    old, new = (frame.filter(pl.col("image") == "0003.png") for frame in (before, project.dataset()))
    places = set(old["source"]), set(new["source"])
    return places == ({"one"}, {"two"}) and set(old["sample_id"]) == set(new["sample_id"])


def gone(source: str, image: str) -> Effect:
    """No sample is left of an image that had some."""

    def holds(before: pl.DataFrame, project: Project) -> bool:
        ids = before.filter((pl.col("source") == source) & (pl.col("image") == image))["image_id"]
        return not ids.is_empty() and not project.dataset()["image_id"].is_in(ids.implode()).any()

    return holds


def left_out_by_name(before: pl.DataFrame, project: Project) -> bool:
    """The samples of the benchmark's images and question are rejects with their reasons, and on the published list."""
    reasons = {"0004.png": "benchmark_image_near", "0005.png": "benchmark_image", "0000.png": "benchmark_question"}
    rejects = project.rejects().filter(pl.col("stage") == "decontaminate")
    places = pl.read_parquet(project.path("images.parquet")).select("image_id", image="path")
    found = {(row["image"], row["reason"]) for row in rejects.join(places, on="image_id").iter_rows(named=True)}
    hits = pl.read_csv(project.path("dataset/contamination.csv"))
    left = project.dataset()
    of_images = left.filter(pl.col("image").is_in(["0004.png", "0005.png"]))
    return (
        set(reasons.items()) <= found
        and set(hits.filter("accepted")["sample_id"]) == set(rejects["item"])
        and of_images.is_empty()
        and not set(left["sample_id"]) & set(hits["sample_id"])
    )


def removed(project: Project) -> pl.DataFrame:
    """The ids of images that had samples and are no longer there."""
    return project.rejects().filter(pl.col("reason") == "image_removed").select("image_id")


def grown(source: str) -> Effect:
    """New images of ``source`` have samples, and an older sample gave way to them in full task types alone."""

    def holds(before: pl.DataFrame, project: Project) -> bool:
        after = project.dataset()
        full = after.group_by("task_type").len().filter(pl.col("len") == project.config["balance"]["max"])["task_type"]
        lost = before.join(after, on="sample_id", how="anti").join(removed(project), on="image_id", how="anti")
        new = after.join(before, on="image_id", how="anti").filter(pl.col("source") == source)
        return not new.is_empty() and set(lost["task_type"]) <= set(full)

    return holds


def has_the_new_seed(_: pl.DataFrame, project: Project) -> bool:
    pool = pl.read_parquet(project.path("taxonomy/task_types.parquet"))["task_type"]
    return bool(pool.str.contains("shape detection").any())


def all_new(column: str) -> Effect:
    """No value of a column was there before."""
    return lambda before, project: set(project.dataset()[column]).isdisjoint(before[column])


def has_votes_of(*referees: str) -> Effect:
    """The votes of the samples are theirs, and nobody else's."""

    def holds(_: pl.DataFrame, project: Project) -> bool:
        votes = project.dataset().select("votes").explode("votes").unnest("votes")
        return set(votes["referee"]) == set(referees)

    return holds


def has_scores_of(score: int) -> Effect:
    """All samples have that many votes, and that is news."""
    return lambda before, project: set(project.dataset()["vote_score"]) == {score} != set(before["vote_score"])


def is_another_draw(before: pl.DataFrame, project: Project) -> bool:
    """The task types are the same, and some sample was not there before."""
    after = project.dataset()
    return set(after["task_type"]) == set(before["task_type"]) and bool(
        set(after["sample_id"]) - set(before["sample_id"])
    )
