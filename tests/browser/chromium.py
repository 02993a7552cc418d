"""Headless Chromium for the tests, spoken to over a pipe in its own DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --force-color-profile=srgb --remote-debugging-pipe"
).split()

_KEY_CODES = {
    "Backspace": 8, "Enter": 13, "Escape": 27, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36,
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}  # fmt: skip


class Page:
    """One page of a running browser: opened, sized, asked and pictured."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            part = os.read(self._read, 1 << 16)
            if not part:
                raise RuntimeError("the browser closed its pipe")
            self._buffer += part
        text, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        return message

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        request: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            request["sessionId"] = self._session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            message = self._message()
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def open(self, path: Path, *, width: int = 1440, height: int = 900, dark: bool = False, tab: str = "") -> None:
        """Show a file at a width and height in CSS pixels; a width under 700 counts as a phone."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 700,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        # By way of an empty page, since a new fragment alone would not load the file again.
        self._go("about:blank")
        self.events.clear()
        self._go(path.resolve().as_uri() + tab)
        self.settle()

    def _go(self, address: str) -> None:
        self._call("Page.navigate", url=address)
        self.ask(
            "new Promise(done => document.readyState === 'complete' ? done(0)"
            " : addEventListener('load', () => done(0)))"
        )

    def settle(self) -> None:
        """Wait until two frames have been drawn."""
        self.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key, by its DOM name."""
        text = {"text": "\r" if key == "Enter" else key} if key == "Enter" or len(key) == 1 else {}
        code = {} if len(key) == 1 else {"code": key, "windowsVirtualKeyCode": _KEY_CODES[key]}
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **code)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, **code)
        self.settle()

    def click(self, selector: str) -> None:
        """Click with the mouse on the middle of an element, scrolled into view; whatever covers it is clicked."""
        x, y = self.ask(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            " found.scrollIntoView({ block: 'center' }); const box = found.getBoundingClientRect();"
            " return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def type(self, text: str) -> None:
        """Enter text where the focus is."""
        self._call("Input.insertText", text=text)
        self.settle()

    def until(self, expression: str) -> None:
        """Wait, 20 s at most, until a JavaScript expression is true.

        Raises:
            RuntimeError: if it never is.
        """
        self.ask(
            "new Promise((done, fail) => { const end = performance.now() + 20000;"
            f" const look = () => {expression} ? done(0) : performance.now() < end ? setTimeout(look, 10)"
            f" : fail({json.dumps(expression)}); look(); }})"
        )

    def heap_bytes(self) -> int:
        """What the page's script holds in memory, garbage left out."""
        self._call("HeapProfiler.collectGarbage")
        used: int = self._call("Runtime.getHeapUsage")["usedSize"]
        return used

    def save_downloads(self, folder: Path) -> None:
        """Save what pages download in ``folder``."""
        self._call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def picture(self, path: Path) -> None:
        """Save what is in view as PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def requests(self) -> list[str]:
        """Addresses the page has asked for since it was opened."""
        sent = [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]  # fmt: skip
        return [address for address in sent if not address.startswith("data:")]

    def complaints(self) -> list[str]:
        """Errors that the browser or the page's script have reported, policy violations included."""
        found = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(event["params"]["exceptionDetails"]))
            if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
        return found


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """A page in a browser of its own, with an empty profile that is deleted afterwards."""
    if EXECUTABLE is None:
        raise RuntimeError("no Chromium is installed")
    to_browser, our_write = os.pipe()
    our_read, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:

        def wire() -> None:
            # The protocol's pipe is file descriptor 3 to read and 4 to write; copies keep clear of both.
            high_in, high_out = os.dup(to_browser), os.dup(from_browser)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        process = subprocess.Popen(
            [EXECUTABLE, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(3, 4, to_browser, from_browser),
            preexec_fn=wire,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            yield Page(our_write, our_read)
        finally:
            process.kill()
            process.wait()
            os.close(our_write)
            os.close(our_read)


def contrast(one: list[int], other: list[int]) -> float:
    """The contrast ratio of two sRGB colours (WCAG 2), from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(rgb: list[int]) -> float:
    """Relative luminance of an sRGB colour (WCAG 2)."""
    linear = [value / 3294.6 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
