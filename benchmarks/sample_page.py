"""Making the sample page of the paper's size, and looking at it: python benchmarks/sample_page.py.

Synthetic tables of a run are written and the page is made of them in a process of its own, as the rule does. Then
headless Chromium opens it as a file and looks around. Beside it stands a page of as many samples as one file carries,
which is all that could be looked at without the shards: the goal is that a set of any size opens as fast as that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browser.chromium import Page, browser
from taskgalaxy.export.image_folder import link_sources
from taskgalaxy.report.funnel import funnel_rows
from taskgalaxy.report.sample_page import write_sample_page
from taskgalaxy.schemas import DATASET, FUNNEL, IMAGE_INDEX, REJECTS
from taskgalaxy.tables import read_table, write_table

PICTURES = 16
READY = "!document.getElementById('cards').hasAttribute('aria-busy') && document.querySelector('.card')"
FOUND = "document.getElementById('found').textContent"


def digests(what: str, count: int) -> list[str]:
    return [hashlib.sha256(f"{what} {n}".encode()).hexdigest() for n in range(count)]


def task_types(count: int) -> list[str]:
    """Three levels under 115 first ones, with labels as long as the paper's."""
    paths = ((f"Visual question {n % 115}", f"detailed analysis of kind {n // 115 % 25}", n) for n in range(count))
    return [f"{first}~{second}~recognition number {n}" for first, second, n in paths]


def write_tables(folder: Path, samples: int, types: int, images: int, rejects: int) -> None:
    """The tables that the rule reads, and the files of the images: a few JPEG files under many names."""
    rng = np.random.default_rng(1)
    source = folder / "source"
    source.mkdir()
    for n in range(PICTURES):
        noise = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize((640, 480))
        noise.save(source / f"picture-{n}.jpg", quality=90)
    for n in range(images):
        if n % 1000 == 0:
            (source / f"{n // 1000:04}").mkdir()
        os.link(source / f"picture-{n % PICTURES}.jpg", source / name(n))
    image_ids = digests("image", images)
    of_sample = rng.integers(0, images, samples)
    places = np.sort(np.concatenate([np.arange(types), rng.integers(0, types, max(0, samples - types))])[:samples])
    labels = task_types(types)
    keys = digests("request", samples)
    split = rng.random(samples) < 0.2
    index = pl.DataFrame(
        {
            "image_id": image_ids,
            "shard": "source-000000",
            "present": True,
            "source": "source",
            "path": [name(n) for n in range(images)],
            "width": 640,
            "height": 480,
            "format": "JPEG",
            "bytes": 100_000,
            "license": "CC-BY-4.0",
        }
    )
    write_table(folder / "images.parquet", index, IMAGE_INDEX)
    rows = [
        {
            "sample_id": keys[n][:20],
            "image_id": image_ids[of_sample[n]],
            "source": "source",
            "image": name(int(of_sample[n])),
            "width": 640,
            "height": 480,
            "license": "CC-BY-4.0",
            "task_type": labels[places[n]],
            "level_1": labels[places[n]].partition("~")[0],
            "question": f"What can be seen in the part of the picture that is marked {n}, and what follows from it?",
            "answer": f"It shows {keys[n][:8]}. " + "The scene has several objects beside each other. " * (1 + n % 5),
            "rank": 1 + n % 10,
            "score": 0.25,
            "votes": [
                {"referee": f"referee-{r}", "vote": int(r > 0 or not split[n]), "p_yes": 0.75, "reason": None,
                 "provider": "openai", "model": f"model-of-referee-{r}", "request": keys[n]}
                for r in range(3)
            ],
            "vote_score": 3 - int(split[n]),
            "filter_provider": "openai",
            "filter_model": "a-model",
            "filter_request": keys[n],
            "qa_provider": "openai",
            "qa_model": "a-model" if n % 3 else "another-model",
            "qa_prompt": keys[0],
            "qa_request": keys[n],
        }
        for n in range(samples)
    ]  # fmt: skip
    write_table(folder / "dataset.parquet", rows, DATASET)
    turned_away = pl.DataFrame(
        {
            "stage": "filter",
            "item": pl.Series([image_ids[n % images] for n in range(rejects)], dtype=pl.String),
            "image_id": pl.Series([image_ids[n % images] for n in range(rejects)], dtype=pl.String),
            "task_type": pl.Series([labels[n % types] for n in range(rejects)], dtype=pl.String),
            "reason": pl.Series(["not_selected", "none_fits"] * (rejects // 2 + 1), dtype=pl.String)[:rejects],
            "detail": pl.Series([None] * rejects, dtype=pl.String),
        }
    )
    write_table(folder / "rejects.parquet", turned_away, REJECTS)
    counts = {"filter": (samples + rejects, samples)}
    write_table(folder / "funnel.parquet", funnel_rows(counts, turned_away), FUNNEL)


def name(image: int) -> str:
    return f"{image // 1000:04}/{image}.jpg"


def make(tables: Path, folder: Path, max_samples: int, only: bool) -> None:
    """What the rule does; with ``only`` of no more samples than the page carries."""
    samples = read_table(tables / "dataset.parquet", DATASET)
    write_sample_page(
        folder / "report" / "samples.html",
        folder / "report" / "samples",
        samples.gather_every(max(1, -(-samples.height // max_samples))) if only else samples,
        read_table(tables / "rejects.parquet", REJECTS),
        read_table(tables / "funnel.parquet", FUNNEL),
        lambda source, path: (tables / source / path).read_bytes(),
        images=read_table(tables / "images.parquet", IMAGE_INDEX),
        max_samples=max_samples,
    )


def measured_job(arguments: list[str]) -> dict[str, float]:
    """Seconds, by the clock and of the CPU, and most megabytes of a process that makes a page, with all it reads."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, __file__, *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"making the page ended with status {process.returncode}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"job s": time.perf_counter() - began, "job CPU s": cpu_s, "job MB": usage.ru_maxrss / 1000}


def timed(page: Page, action: Callable[[], object], until: str) -> float:
    """Milliseconds from an action until the page has followed it."""
    began = time.perf_counter()
    action()
    page.until(until)
    return 1000 * (time.perf_counter() - began)


def look(path: Path, sharded: bool) -> dict[str, float]:
    """Milliseconds until things are there, as somebody who opens the file and looks around would wait for them."""
    figures = {}
    with browser() as page:
        figures["cards ms"] = timed(page, lambda: page.open(path), READY)
        figures["first paint ms"] = page.ask("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        figures["heap MB"] = page.heap_bytes() / 1e6
        if not sharded:
            return figures
        types = page.ask("JSON.parse(document.getElementById('index').textContent).types")
        middle = types[len(types) // 2]

        def choose(state: str) -> Callable[[], object]:
            return lambda: page.ask(f"location.hash = '#samples?' + new URLSearchParams({state})")

        title = "document.getElementById('chosen').textContent"
        told = json.dumps(middle.replace("~", " / "))
        figures["open a task type ms"] = timed(
            page, choose(json.dumps({"type": middle})), f"{title} === {told} && {READY}"
        )
        figures["find task types ms"] = timed(
            page,
            lambda: page.ask("{ const field = document.getElementById('find-type'); field.value = 'kind 7';"
                             " field.dispatchEvent(new Event('input')); }"),
            "document.getElementById('types-found').textContent",
        )  # fmt: skip
        figures["filter by votes ms"] = timed(
            page, choose("{votes: 'split'}"), f"{title} === 'All task types' && {READY}"
        )
        last = "document.getElementById('last')"
        figures["last page ms"] = timed(page, lambda: page.ask(f"{last}.click()"), f"{last}.disabled && {READY}")
        figures["first hits of words ms"] = timed(
            page, choose("{text: 'kind'}"), f"{FOUND}.includes('searched') && {READY}"
        )
        began = time.perf_counter()
        choose("{text: 'marked 77777,'}")()
        while "so far" in page.ask(f"new Promise(done => setTimeout(() => done({FOUND}), 50))"):
            pass
        figures["search all words s"] = time.perf_counter() - began
        figures["heap after MB"] = page.heap_bytes() / 1e6
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--samples", type=int, default=413_648)
    options.add_argument("--task-types", type=int, default=19_227)
    options.add_argument("--images", type=int, default=150_000)
    options.add_argument("--rejects", type=int, default=2_000_000)
    options.add_argument("--max-samples", type=int, default=2000, help="report.max_samples")
    options.add_argument("--repeat", type=int, default=3, help="times that each page is opened")
    options.add_argument("--json", type=Path, help="write the figures here too")
    options.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--make", nargs=3, metavar=("TABLES", "FOLDER", "WHICH"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.write:
        write_tables(given.write, given.samples, given.task_types, given.images, given.rejects)
        return
    if given.make:
        tables, folder, which = given.make
        make(Path(tables), Path(folder), given.max_samples, only=which == "one file")
        return
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        tables = Path(temporary, "tables")
        tables.mkdir()
        # In a process of its own too: a child counts the memory of its parent as its own until it has started.
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--write", str(tables)], check=True)
        for which in ("sharded", "one file"):
            folder = Path(temporary, which.replace(" ", "-"))
            figures = measured_job(["--make", str(tables), str(folder), which, "--max-samples", str(given.max_samples)])
            link_sources(folder / "export" / "images", {"source": str(tables / "source")})
            page = folder / "report" / "samples.html"
            figures["page MB"] = page.stat().st_size / 1e6
            shards = [file.stat().st_size for file in page.with_suffix("").iterdir()]
            figures["files"] = len(shards)
            figures["folder MB"] = sum(shards) / 1e6
            looks = [look(page, which == "sharded") for _ in range(given.repeat)]
            figures |= {key: statistics.median(each[key] for each in looks) for key in looks[0]}
            results[which] = figures
    for key, value in results["sharded"].items():
        beside = f"{results['one file'][key]:10,.1f}" if key in results["one file"] else ""
        print(f"{key:24}{value:12,.1f}{beside}")
    for key in ("first paint ms", "cards ms"):
        ratio = results["sharded"][key] / results["one file"][key]
        print(f"{key[:-3]} of {given.samples:,} samples: {ratio:.2f} times that of one file of {given.max_samples:,}")
    if given.json:
        given.json.write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
