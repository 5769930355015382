"""Programs of Debian that tests talk to: where they are installed, or else unpacked into the cache; as a script it fetches them.

rsyslog and syslog-ng cannot be installed side by side (both are "the" system log), and tests need neither a user nor a service of them. So
their packages are downloaded by apt, which checks them against Debian's signed lists, and unpacked: that takes no root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from services.download import CACHE

from logsentry.errors import Unavailable

ROOT = CACHE / "debian"
PACKAGES = (
    "prometheus",
    "rsyslog", "rsyslog-elasticsearch", "rsyslog-gnutls", "rsyslog-openssl", "libestr0", "libfastjson4", "liblognorm5",
    "syslog-ng-core", "libivykis0", "libjson-c5", "libnet1", "libpcre3", "libwrap0",
)  # fmt: skip
PROGRAMS = ("promtool", "prometheus", "rsyslogd", "syslog-ng")
PATHS = ("usr/sbin", "usr/bin")


class Program(NamedTuple):
    """How a program is started. `modules` is the folder of its plugins, where it has any."""

    path: Path
    environment: Mapping[str, str]
    modules: Path


def program(name: str) -> Program:
    """The installed one, or the unpacked one. Raises `Unavailable` where this machine has neither."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    root = Path("/") if found else ROOT
    path = Path(found) if found else next((ROOT / folder / name for folder in PATHS if (ROOT / folder / name).is_file()), None)
    if path is None:
        raise Unavailable(f"there is no {name}; `make services` fetches it where there is apt")
    libraries = ":".join(str(each) for each in _libraries(root))
    return Program(path, dict(os.environ) if found else {**os.environ, "LD_LIBRARY_PATH": libraries}, _modules(root, name))


def _libraries(root: Path) -> list[Path]:
    return [*root.glob("usr/lib/*-linux-*"), *root.glob("lib/*-linux-*"), root / "usr/lib/syslog-ng"]


def _modules(root: Path, name: str) -> Path:
    patterns = ("usr/lib/*-linux-*/rsyslog", "usr/lib/rsyslog") if name == "rsyslogd" else ("usr/lib/syslog-ng/[0-9]*",)
    return next((path for pattern in patterns for path in root.glob(pattern)), root)


def fetch() -> None:
    """Download and unpack what is not there. Raises `Unavailable` without apt, or where it cannot."""
    if all(_there(name) for name in PROGRAMS):
        return
    if shutil.which("apt-get") is None:
        raise Unavailable(f"without apt, install these yourself: {', '.join(PROGRAMS)}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        _run(["apt-get", "download", "-q", *PACKAGES], Path(folder))
        for package in sorted(Path(folder).glob("*.deb")):
            _run(["dpkg-deb", "-x", str(package), "root"], Path(folder))
        shutil.rmtree(ROOT, ignore_errors=True)
        os.replace(Path(folder) / "root", ROOT)


def _there(name: str) -> bool:
    try:
        program(name)
    except Unavailable:
        return False
    return True


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise Unavailable(f"{command[0]} failed: {done.stderr.strip()[-300:]}")


if __name__ == "__main__":
    fetch()
    print(ROOT)
