"""Requests a second and CPU time per request through the whole stage, beside the bare OpenAI SDK.

Run as ``python benchmarks/requests.py`` from the repository's root. Three contenders put the same bodies to
a loopback server that answers every one after 50 ms:

- the stage: a referee's prompts are rendered, looked up in the ledger, sent, recorded with fsync, parsed,
  put into rows and written as Parquet, by the functions that the rule ``cast_votes`` calls;
- the SDK alone over the same transport (aiohttp), with bodies and data URIs made beforehand;
- the SDK alone over its default transport.

Each measurement has a process and, for the stage, a ledger of its own. The contenders take turns, so that
what else the machine does meanwhile falls on all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import multiprocessing
import platform
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

if Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
    # Put there for a script; but this file has the name of a package that others import.
    sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np
import openai
import polars as pl
from PIL import Image

import rows
from image_files import image_file
from taskgalaxy import referee
from taskgalaxy.images import ImageFile
from taskgalaxy.llm.chat import chat_body
from taskgalaxy.llm.image_uri import data_uri
from taskgalaxy.llm.ledger import Ledger, LedgerWriter, answer_record, question_record
from taskgalaxy.llm.model import Model
from taskgalaxy.llm.openai_provider import OpenAIProvider
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.prompts import Template, load_templates
from taskgalaxy.schemas import VOTES
from taskgalaxy.stages import vote_shard
from taskgalaxy.tables import write_table

ROOT = Path(__file__).resolve().parents[1]
LATENCY_S = 0.05
QUESTIONS_PER_IMAGE = 10
IMAGE_SIDE = 334
"""Pixels. Noise of this size makes a JPEG of about 100 kB."""
IMAGE_QUALITY = 90
APPENDS = 200
GOAL = 0.85
"""The stage's rate, as a part of the bare SDK's."""

Body = dict[str, Any]


# The server


COMPLETION = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "1"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 1, "total_tokens": 201},
    }
).encode()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Served:
    """What a server has done since it started.

    Attributes:
        requests: chat requests that came in completely.
        bytes: length of their bodies together.
        cpu_s: CPU seconds of its process.
    """

    requests: int = 0
    bytes: int = 0
    cpu_s: float = 0.0

    def since(self, start: Served) -> Served:
        return Served(self.requests - start.requests, self.bytes - start.bytes, self.cpu_s - start.cpu_s)


class Answering(asyncio.Protocol):
    """Reads no more of a request than its length, and answers a POST with the same bytes after ``LATENCY_S``.

    A GET gets the counts in ``served``, at once. A client sends nothing more before it has its answer.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._head = b""
        self._length = 0
        self._missing: int | None = None
        """Bytes of the body that have not come yet; ``None`` before the head is complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._missing is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._head, 0, end)
            self._length = int(length[1]) if length else 0
            self._missing = self._length - (len(self._head) - end - 4)
        else:
            self._missing -= len(data)
        if self._missing <= 0:
            self._answer()

    def _answer(self) -> None:
        is_post = self._head.startswith(b"POST")
        self._head, self._missing = b"", None
        if is_post:
            self._served.requests += 1
            self._served.bytes += self._length
            asyncio.get_running_loop().call_later(LATENCY_S, self._write, _RESPONSE)
        else:
            self._served.cpu_s = time.process_time()
            self._write(_response(json.dumps(asdict(self._served)).encode()))

    def _write(self, response: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(response)


def _response(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


_RESPONSE = _response(COMPLETION)


def serve(port: Connection) -> None:
    """Serve on a free port of the loopback device, which is sent to ``port``, until the process is ended."""

    async def run() -> None:
        served = Served()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Answering(served), "127.0.0.1", 0, backlog=4096)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def server() -> Iterator[str]:
    """A server in a process of its own; its address."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()


def served(address: str) -> Served:
    """What the server at ``address`` has done so far."""
    with urllib.request.urlopen(address) as response:
        return Served(**json.load(response))


# The questions


@dataclass(frozen=True)
class Case:
    """What all contenders are to do.

    Attributes:
        images: those that are asked about; empty for requests without an image.
    """

    requests: int
    concurrency: int
    images: tuple[ImageFile, ...] = ()

    @property
    def title(self) -> str:
        size = sum(len(image.read()) for image in self.images) / max(1, len(self.images))
        about = f"a JPEG of {size / 1000:.0f} kB" if self.images else "without image"
        return f"{about}, {self.concurrency} in flight, {self.requests:,} requests"


def make_images(folder: Path, count: int) -> tuple[ImageFile, ...]:
    """``count`` different JPEG files of noise."""
    images = []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (IMAGE_SIDE, IMAGE_SIDE, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=IMAGE_QUALITY)
        path = folder / f"{number}.jpg"
        path.write_bytes(buffer.getvalue())
        images.append(image_file(path))
    return tuple(images)


@dataclass(frozen=True)
class Questions:
    """The same questions for the stage, which takes samples, and for the SDK, which takes bodies."""

    samples: pl.DataFrame
    images: Mapping[str, Any]
    template: Template
    settings: EndpointSettings

    @classmethod
    def of(cls, case: Case, address: str) -> Questions:
        settings = EndpointSettings(
            "bench", "openai", "bench", base_url=f"{address}/v1", concurrency=case.concurrency, max_tokens=4
        )
        images = {image.image_id: image for image in case.images}
        image_ids = list(images) or [f"image {number}" for number in range(image_count(case.requests))]
        samples = rows.samples(
            *(
                rows.sample(
                    f"sample {number}",
                    image_ids[number // QUESTIONS_PER_IMAGE],
                    question=f"What is written on sign number {number}, and what colour are its letters?",
                )
                for number in range(case.requests)
            )
        )
        template = load_templates(ROOT / "config" / "prompts", ["referee"])["referee"]
        return cls(samples, images or dict.fromkeys(image_ids), template, settings)

    def first(self, count: int) -> Questions:
        """The first ``count`` of these."""
        return Questions(self.samples.head(count), self.images, self.template, self.settings)

    def requests(self) -> list[Request]:
        """As :func:`taskgalaxy.stages.vote_shard` renders them."""
        return [
            referee.render(self.template, self.images[row["image_id"]], row["task_type"], row["question"], None)
            for row in self.samples.iter_rows(named=True)
        ]

    def bodies(self) -> list[Body]:
        """As the stage sends them; every image is encoded once."""
        uris = {image_id: image and data_uri(image, None, 0) for image_id, image in self.images.items()}
        return [
            chat_body(self.settings, request, uris[image_id])
            for image_id, request in zip(self.samples["image_id"], self.requests(), strict=True)
        ]


def image_count(requests: int) -> int:
    """How many images so many requests are about."""
    return -(-requests // QUESTIONS_PER_IMAGE)


# The contenders


STAGE, BARE, DEFAULT = "the stage", "openai over aiohttp", "openai, its default"
CONTENDERS = (STAGE, BARE, DEFAULT)


@dataclass(frozen=True)
class Figures:
    """One measurement.

    Attributes:
        rate: requests a second.
        client_ms: CPU milliseconds per request, of all threads of the client.
        server_ms: the same of the server.
        group: records per fsync of the ledger, on average; ``None`` without a ledger.
    """

    rate: float
    client_ms: float
    server_ms: float
    group: float | None


def measure(contender: str, case: Case, address: str, folder: Path) -> Figures:
    """Run ``contender`` once, after a round of one request per slot that loads what is loaded at first use."""
    questions = Questions.of(case, address)
    warm_up = _prepared(contender, questions.first(case.concurrency), folder / "warm-up")
    timed = _prepared(contender, questions, folder / "timed")
    warm_up()
    before = served(address)
    with group_sizes() as sizes:
        start, start_cpu = time.perf_counter(), time.process_time()
        timed()
        seconds, cpu_s = time.perf_counter() - start, time.process_time() - start_cpu
    done = served(address).since(before)
    return Figures(
        rate=case.requests / seconds,
        client_ms=1000 * cpu_s / case.requests,
        server_ms=1000 * done.cpu_s / done.requests,
        group=statistics.mean(sizes) if sizes else None,
    )


def _prepared(contender: str, questions: Questions, folder: Path) -> Callable[[], None]:
    """What is to be timed, with all that the contender may make beforehand."""
    if contender == STAGE:
        return lambda: ask_by_stage(questions, folder)
    bodies = questions.bodies()
    return lambda: asyncio.run(ask_by_sdk(bodies, questions.settings, same_transport=contender == BARE))


def ask_by_stage(questions: Questions, folder: Path) -> None:
    """What the rule ``cast_votes`` does with a shard once its tables are read."""
    ledger = Ledger(folder / "ledger")
    model = Model(OpenAIProvider(questions.settings, ledger.state), ledger, "bench")
    votes = vote_shard(questions.samples, questions.images, questions.template, model, "bench", False)
    write_table(folder / "votes.parquet", votes, VOTES)
    if any(vote["vote"] != 1 for vote in votes):
        raise RuntimeError("the stage lost an answer")


async def ask_by_sdk(bodies: Sequence[Body], settings: EndpointSettings, same_transport: bool) -> None:
    """Send ``bodies`` and look at the answers, as few lines as it takes."""
    transport = openai.DefaultAioHttpClient() if same_transport else None
    waiting = iter(bodies)
    async with openai.AsyncOpenAI(
        api_key="EMPTY", base_url=settings.base_url, max_retries=0, http_client=transport
    ) as client:

        async def work() -> None:
            for body in waiting:
                completion = await client.chat.completions.create(**body)
                if completion.choices[0].message.content != "1":
                    raise RuntimeError("the SDK lost an answer")

        await asyncio.gather(*(work() for _ in range(settings.concurrency)))


@contextmanager
def group_sizes() -> Iterator[list[int]]:
    """The number of records of every append to a ledger meanwhile."""
    sizes: list[int] = []
    append = LedgerWriter.append

    def counting(writer: LedgerWriter, records: Sequence[Mapping[str, Any]]) -> None:
        sizes.append(len(records))
        append(writer, records)

    with patch.object(LedgerWriter, "append", counting):
        yield sizes


def append_ms(folder: Path) -> float:
    """The median time that the ledger takes to record one answer, fsync included, in milliseconds."""
    settings = EndpointSettings("bench", "openai", "bench")
    parameters = settings.parameters
    reply = Reply("1", "stop", "bench", provider="openai", raw=json.loads(COMPLETION))
    seconds = []
    with Ledger(folder).writer("referee", "bench") as writer:
        for number in range(APPENDS):
            request = Request("referee", f"question {number} " + "of the usual length " * 40)
            question = question_record(request, request.key("bench", parameters), "bench", parameters)
            record = answer_record(question, reply)
            start = time.perf_counter()
            writer.append([record])
            seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


# The comparison


@dataclass(frozen=True)
class Row:
    """One contender's measurements of one case: medians, and the extremes of its rate.

    Attributes:
        ratio: its rate as a part of the bare SDK's in the same round, the median of the rounds.
    """

    case: str
    contender: str
    rate: float
    least: float
    most: float
    ratio: float
    client_ms: float
    server_ms: float
    group: float | None


def compare(case: Case, address: str, repeat: int) -> list[Row]:
    """Measure all contenders by turns.

    Raises:
        RuntimeError: if they did not send the same number of requests and of bytes.
    """
    figures: dict[str, list[Figures]] = {contender: [] for contender in CONTENDERS}
    sent = set()
    for _ in range(repeat):
        for contender in CONTENDERS:
            before = served(address)
            figures[contender].append(_measure_apart(contender, case, address))
            done = served(address).since(before)
            sent.add((done.requests, done.bytes))
    if len(sent) > 1:
        raise RuntimeError(f"the contenders differ in the (requests, bytes) that they sent: {sorted(sent)}")
    return [_row(case, contender, figures[contender], figures[BARE]) for contender in CONTENDERS]


def _row(case: Case, contender: str, figures: Sequence[Figures], bare: Sequence[Figures]) -> Row:
    rates = [one.rate for one in figures]
    groups = [one.group for one in figures if one.group is not None]
    return Row(
        case.title,
        contender,
        rate=statistics.median(rates),
        least=min(rates),
        most=max(rates),
        ratio=statistics.median(one.rate / other.rate for one, other in zip(figures, bare, strict=True)),
        client_ms=statistics.median(one.client_ms for one in figures),
        server_ms=statistics.median(one.server_ms for one in figures),
        group=statistics.median(groups) if groups else None,
    )


def _measure_apart(contender: str, case: Case, address: str) -> Figures:
    """:func:`measure` in a new process, with a new folder."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(measure, contender, case, address, Path(folder)).result()


def line(*cells: str) -> str:
    """A line of the table."""
    return f"  {cells[0]:<22}" + "".join(f"{cell:>16}" for cell in cells[1:])


HEADER = ("", "requests/s", "from-to", "of the bare SDK", "client CPU", "server CPU", "records/fsync")


def line_of(row: Row) -> str:
    """``row`` under ``HEADER``."""
    return line(
        row.contender,
        f"{row.rate:,.0f}",
        f"{row.least:,.0f}-{row.most:,.0f}",
        f"{row.ratio:.2f}",
        f"{row.client_ms:.2f} ms",
        f"{row.server_ms:.2f} ms",
        f"{row.group:.1f}" if row.group else "",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compare the stage's request rate with the bare SDK's.")
    parser.add_argument("--requests", type=int, default=3000, help="per measurement; half as many with an image")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each contender")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[64, 256], help="requests in flight")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file too")
    options = parser.parse_args(arguments)

    table: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, server() as address:
        fsync_ms = append_ms(Path(folder) / "ledger")
        print(f"Python {platform.python_version()}, openai {openai.__version__}; medians of {options.repeat}, by turns")
        print(f"the ledger records one answer, fsync included, in {fsync_ms:.2f} ms\n\n{line(*HEADER)}")
        with_image = max(1, options.requests // 2)
        images = make_images(Path(folder), image_count(with_image))
        for count, pictures in ((options.requests, ()), (with_image, images)):
            for concurrency in options.concurrency:
                case = Case(count, concurrency, pictures)
                print(f"\n{case.title}", flush=True)
                table += compare(case, address, options.repeat)
                print("\n".join(map(line_of, table[-len(CONTENDERS) :])), flush=True)
    ratios = [row.ratio for row in table if row.contender == STAGE]
    met = sum(ratio >= GOAL for ratio in ratios)
    print(f"\nthe stage reaches {GOAL} of the bare SDK's rate in {met} of {len(ratios)} cases")
    if options.json:
        figures = {"append_ms": fsync_ms, "goal": GOAL, "rows": [asdict(row) for row in table]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
