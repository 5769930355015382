"""The two servers to compare with, each in an environment of its own, made once from pinned versions.

Environments are under LOGSENTRY_BENCH_PEERS, or a folder `peers` of the system's temporary one. Both get onnxruntime and numpy of the
versions that run here, find `logsentry` on their path, and run the same scorer over the same ONNX file in one process with one thread.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = Path(os.environ.get("LOGSENTRY_BENCH_PEERS") or Path(tempfile.gettempdir()) / "peers")
PINNED = {"mlserver": "1.7.1", "mosec": "0.9.8"}
NEEDED = ("onnxruntime-gpu", "numpy", "msgspec", "orjson", "pluggy", "drain3")
"""What the scorer imports, beside the peer itself."""

START_SECONDS = 60
WAIT_MS = 10
"""That either peer waits for a batch to fill at most: mosec's default."""


def interpreter(peer: str) -> Path:
    """The peer's Python; its environment is made where there is none."""
    folder = PEERS / peer
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        print(f"  installing {peer} {PINNED[peer]} into {folder}, once", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = [f"{peer}=={PINNED[peer]}", *(f"{name}=={version(name)}" for name in NEEDED)]
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], check=True)
        (folder / "made").touch()
    return python


@contextmanager
def mosec(batch: int, bundle: Path, *, bare: bool = False) -> Iterator[int]:
    """The port of mosec with our handler, `batch` requests at once: a front in Rust, and one Python worker behind it."""
    port = free_port()
    command: list[str | Path] = [interpreter("mosec"), HERE / "server_mosec.py", "--address", "127.0.0.1", "--port", str(port)]
    command += ["--timeout", "60000", "--log-level", "error"]
    told = {"BUNDLE": str(bundle), "BATCH": str(batch), "WAIT_MS": str(WAIT_MS)} | ({"BARE": "1"} if bare else {})
    with running(command, told, port):
        yield port


@contextmanager
def mlserver(batch: int, bundle: Path) -> Iterator[int]:
    """The same of MLServer, in one process: its pool of workers is off."""
    port, grpc = free_port(), free_port()
    settings = {
        "debug": False, "host": "127.0.0.1", "http_port": port, "grpc_port": grpc, "parallel_workers": 0, "metrics_endpoint": None,
        "gzip_enabled": False,
    }  # fmt: skip
    model = {
        "name": "web",
        "implementation": "server_mlserver.Scores",
        "max_batch_size": batch,
        "max_batch_time": WAIT_MS / 1000,
    }
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "settings.json").write_text(json.dumps(settings))
        (Path(name) / "model-settings.json").write_text(json.dumps(model))
        command: list[str | Path] = [interpreter("mlserver").with_name("mlserver"), "start", name]
        with running(command, {"BUNDLE": str(bundle)}, port):
            yield port


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def running(command: list[str | Path], told: Mapping[str, str], port: int) -> Iterator[None]:
    """A server that listens; with what it started it is ended at the end."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{HERE}", **told}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            listening(process, port)
            yield
        except ChildProcessError as error:
            log.seek(0)
            raise SystemExit(f"{error}: {log.read()[-2000:].decode(errors='replace')}") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def listening(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ChildProcessError("the peer ended before it answered")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise ChildProcessError("the peer did not listen in time")
