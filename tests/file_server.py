"""A server of one file that fails as servers and networks do."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class FileServer:
    """Serves ``content`` at every path; a context manager.

    Attributes:
        ranges: whether it knows ranges.
        etag: quoted, or none.
        drops: after so many bytes of the body a reply is broken off, one reply after the other.
        statuses: (status, headers) of the first replies, which have no body.
        length: the Content-Length that it claims, if another.
        requests: (method, Range) of every request.
    """

    content: bytes
    ranges: bool = True
    etag: str | None = '"one"'
    drops: list[int] = field(default_factory=list)
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    length: int | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def __enter__(self) -> FileServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/images.zip"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                server.requests.append((self.command, asked))
                if server.statuses:
                    status, headers = server.statuses.pop(0)
                    self.send_response(status)
                    for name, value in {"Content-Length": "0", **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    return
                start = 0
                if server.ranges and asked and self.headers.get("If-Range") == server.etag:
                    start = int(asked.removeprefix("bytes=").removesuffix("-"))
                whole = len(server.content)
                if start >= whole and start:
                    self.send_response(416)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
                if server.etag:
                    self.send_header("ETag", server.etag)
                self.send_header("Content-Length", str((server.length or whole) - start))
                self.end_headers()
                body = server.content[start:]
                if server.drops:
                    body = body[: max(0, server.drops.pop(0) - start)]
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler
