"""A real headless Chromium, spoken to over its own debugging pipe: what a page looks like once a browser has read it.

Source: the Chrome DevTools Protocol (domains Target, Page, Runtime, Log, Emulation); `--remote-debugging-pipe` reads commands from
descriptor 3 and answers on 4, JSON with a NUL behind each message.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from logsentry.errors import Unavailable

SECONDS = 60.0


class Page:
    """One tab. `complaints` is what the browser's console said: a style or an image that was refused, a script that failed."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._number, self._rest = read, write, 0, b""
        self._session = ""
        self._loads = 0
        self.complaints: list[str] = []
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._do(domain + ".enable")

    def open(self, url: str, width: int, height: int = 900) -> None:
        """Go there, in a window so wide, and wait until it is loaded."""
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        before = self._loads
        failed = self._do("Page.navigate", url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        self.wait_for_load(before)

    def wait_for_load(self, before: int | None = None) -> None:
        """Until the page was loaded once more, by itself or not."""
        before = self._loads if before is None else before
        deadline = time.monotonic() + SECONDS
        while self._loads == before:
            self._note(self._message(deadline))

    def value(self, expression: str) -> Any:
        return self._do("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._do("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def _do(self, method: str, **params: Any) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        os.write(self._write, json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while True:
            found = self._message(deadline)
            if found.get("id") == self._number:
                assert "error" not in found, found
                return found["result"]
            self._note(found)

    def _note(self, message: Any) -> None:
        method, params = message.get("method"), message.get("params", {})
        self._loads += method == "Page.loadEventFired"
        if method == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            self.complaints.append(params["entry"]["text"])
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))

    def _message(self, deadline: float) -> Any:
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise AssertionError("the browser did not answer in time")
            part = os.read(self._read, 1 << 16)
            assert part, "the browser went away"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Raises `Unavailable` where there is none. Its profile lives in `folder`."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise Unavailable("there is no chromium here; install the Debian package chromium")
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--disable-dev-shm-usage",
        "--remote-debugging-pipe",
    ]
    command = [program, *options, f"--user-data-dir={folder / 'profile'}"]
    shell = f'exec "$@" 3<&{to_read} 4>&{from_write}'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", *command],
        pass_fds=(to_read, from_write),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(from_write)
    try:
        yield Page(from_read, to_write)
    finally:
        os.close(to_write)  # which is how it is told to end
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(from_read)
