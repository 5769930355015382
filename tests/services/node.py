"""A real Elasticsearch on a free port of the loopback, for as long as a test session lasts.

The zip (`download.py`) holds the server with security and data streams, and no REST of `_data_stream`, lifecycles, ingest pipelines
or API keys. It refuses to run as root, so root starts it as `nobody`. Every node has a folder of its own, which goes with it.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import pwd
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen
from zipfile import ZipFile

from logsentry.errors import Unavailable

HEAP = "-Xms512m -Xmx1g"
SHORT_LIVED = "-XX:TieredStopAtLevel=1"
"""For a node that is gone in minutes: started in 15 s of CPU instead of 24, since nothing is compiled a second time."""

START_SECONDS = 600.0
PR_SET_PDEATHSIG = 1
SETTINGS = {
    "discovery.type": "single-node",
    "node.portsfile": "true",  # the ports that the system chose are then written to logs/http.ports
    "http.host": "127.0.0.1",
    "http.port": "0",
    "transport.host": "127.0.0.1",
    "transport.port": "0",
    "cluster.routing.allocation.disk.threshold_enabled": "false",
    "xpack.security.enabled": "false",
}


class Node:
    """A node whose files are unpacked; `start` starts it. `settings` are added to `elasticsearch.yml`, `java` to its options."""

    def __init__(self, archive: Path, settings: Mapping[str, str], java: str = "") -> None:
        """Raises `Unavailable` where this machine cannot run one."""
        self._java, self._options = _java(), f"{HEAP} {java}".strip()
        self.folder = Path(tempfile.mkdtemp(prefix="logsentry-elasticsearch-"))
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)
        _unpack(archive, self.folder)
        self.home = next(path for path in self.folder.iterdir() if path.is_dir())
        self._settings = {**SETTINGS, **settings}
        (self.home / "config" / "elasticsearch.yml").write_text("".join(f"{k}: {v}\n" for k, v in self._settings.items()))

    def start(self, **asking: Any) -> str:
        """The address, once it answers; `asking` is how it is asked (`_answers`)."""
        self._own()
        with open(self.folder / "out", "wb") as out:
            how = {**self._how(), "stdout": out, "stderr": subprocess.STDOUT, "start_new_session": True}
            command = [self.home / "bin" / "elasticsearch"]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent, **how)
        scheme = "https" if self._settings.get("xpack.security.http.ssl.enabled") == "true" else "http"
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            port = self._port()
            if port and _answers(f"{scheme}://127.0.0.1:{port}", **asking):
                return f"{scheme}://127.0.0.1:{port}"
            time.sleep(0.2)
        told = (self.folder / "out").read_text(errors="replace")[-600:]
        raise Unavailable(f"Elasticsearch did not start within {START_SECONDS:.0f} s: {told}")

    def close(self) -> None:
        """End it, by force if it does not go, and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def _port(self) -> str:
        path = self.home / "logs" / "http.ports"
        lines = path.read_text().split() if path.exists() else []
        return next((line.rsplit(":", 1)[1] for line in lines if line.startswith("127.0.0.1:")), "")

    def _own(self) -> None:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("nobody")
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, owner.pw_uid, owner.pw_gid)

    def _how(self) -> dict[str, Any]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "ES_JAVA_HOME": self._java,
            "ES_JAVA_OPTS": self._options,
        }
        if os.geteuid() != 0:
            return {"env": environment}
        owner = pwd.getpwnam("nobody")
        return {"env": environment, "user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()}


def _end_with_parent() -> None:
    """SIGTERM when the test session dies in whatever way (Linux; elsewhere `atexit` has to do)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _java() -> str:
    """The JDK's folder, since the zip brings none."""
    found = shutil.which("java")
    if found is None:
        raise Unavailable("there is no java to run Elasticsearch with")
    return str(Path(found).resolve().parent.parent)


def _unpack(archive: Path, folder: Path) -> None:
    with ZipFile(archive) as content:
        for entry in content.infolist():
            path = Path(content.extract(entry, folder))
            path.chmod((entry.external_attr >> 16) & 0o777 or 0o644)


def _answers(url: str, authority: Path | None = None, authorization: str = "") -> bool:
    """Whether the node is up: it answers, and its cluster has a master."""
    request = Request(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s")
    if authorization:
        request.add_header("authorization", authorization)
    trust = ssl.create_default_context(cafile=authority) if authority else None
    try:
        with urlopen(request, timeout=5, context=trust) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
