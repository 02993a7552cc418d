"""A stand-in for the Hugging Face Hub: as much of its HTTP API as it takes to upload and to get a dataset."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit


class Hub:
    """A context manager that serves repositories from memory.

    Attributes:
        repositories: name -> path -> content, as of the last commit.
        private: the names of those that were made private.
        commits: how many there were.
        uploaded: digests of the large files that were sent.
        refusing: a part of an address -> the status that it gets, and a code of the Hub's for the reason.
        drops: after so many bytes a file that is got is broken off, one after the other.
        got: (method, Range) of every request for a file of a repository.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.commits = 0
        self.uploaded: list[str] = []
        self.refusing: dict[str, tuple[int, str]] = {}
        self.drops: list[int] = []
        self.got: list[tuple[str, str | None]] = []
        self._large: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Hub:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: bytes) -> Any:
        """The reply to a request; ``None`` for an address that is not there."""
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if path.startswith("/large/") and method == "PUT":
            self.uploaded.append(path.removeprefix("/large/"))
            self._large[self.uploaded[-1]] = body
            return {}
        for name, files in self.repositories.items():
            if path == f"/api/datasets/{name}/tree/main":
                return [
                    {"type": "file", "path": file, "size": len(content), "oid": "0"} for file, content in files.items()
                ]
            if path == f"/api/datasets/{name}/preupload/main":
                return {"files": [self._mode(file["path"]) for file in json.loads(body)["files"]]}
            if path == f"/datasets/{name}.git/info/lfs/objects/batch":
                return {"transfer": "basic", "objects": [self._place(each) for each in json.loads(body)["objects"]]}
            if path == f"/api/datasets/{name}/commit/main":
                return self._commit(name, files, [json.loads(line) for line in body.splitlines()])
        return None

    def file(self, path: str) -> bytes | None:
        """The content of a file of a repository by its address, of any revision; ``None`` if there is none."""
        match = re.fullmatch(r"/datasets/(\w+/\w+)/resolve/\w+/(.+)", path)
        return self.repositories.get(match[1], {}).get(match[2]) if match else None

    def _create(self, wanted: dict[str, Any]) -> dict[str, str]:
        name = f"{wanted['organization']}/{wanted['name']}"
        if name not in self.repositories and wanted.get("visibility") == "private":
            self.private.add(name)
        self.repositories.setdefault(name, {})
        return {"url": f"{self.url}/datasets/{name}"}

    @staticmethod
    def _mode(path: str) -> dict[str, Any]:
        return {"path": path, "uploadMode": "lfs" if path.endswith(".parquet") else "regular", "shouldIgnore": False}

    def _place(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted["oid"] in self._large:
            return wanted
        return {**wanted, "actions": {"upload": {"href": f"{self.url}/large/{wanted['oid']}"}}}

    def _commit(self, name: str, files: dict[str, bytes], operations: list[dict[str, Any]]) -> dict[str, str]:
        self.commits += 1
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self._large[value["oid"]]
            elif operation["key"] == "deletedFile":
                del files[value["path"]]
        commit = f"{self.commits:040x}"
        return {"commitUrl": f"{self.url}/datasets/{name}/commit/{commit}", "commitOid": commit}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = urlsplit(self.path).path
                status, code = next((refused for part, refused in hub.refusing.items() if part in path), (200, ""))
                signed = self.headers.get("Authorization") == f"Bearer {hub.token}"
                if status == 200 and not signed and not path.startswith("/large/"):
                    status = 401
                found = hub.answer(self.command, path, body) if status == 200 else {"error": "as told"}
                content = json.dumps({"error": "not there"} if found is None else found).encode()
                self.send_response(404 if found is None else status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("X-Error-Code", code)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                content = hub.file(path)
                if content is None or any(part in path for part in hub.refusing):
                    self._reply()
                    return
                asked = self.headers.get("Range")
                hub.got.append((self.command, asked))
                start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
                self.send_response(206 if asked else 200)
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", f"{1:040x}")
                self.send_header("Content-Length", str(len(content) - start))
                if asked:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content[start : hub.drops.pop(0) if hub.drops else None])
                self.close_connection = True

            do_POST = do_PUT = _reply  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler
