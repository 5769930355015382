"""The add-on that reads on the Splunk side what the exporter writes, as a folder and as the archive that Splunk installs.

Its files lie in `addon/` as they will be installed; only the version is filled in.
"""

from __future__ import annotations

import gzip
import tarfile
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

from logsentry.sdk import Unavailable

NAME = "TA-logsentry"
FILES = Path(__file__).parent / "addon"


def contents() -> dict[str, bytes]:
    """Path inside the add-on -> what the file holds, in order of paths."""
    found = {}
    for path in sorted(path for path in FILES.rglob("*") if path.is_file()):
        data = path.read_bytes()
        found[path.relative_to(FILES).as_posix()] = (
            data if path.suffix == ".png" else data.replace(b"@VERSION@", version("logsentry").encode())
        )
    return found


def write(folder: Path) -> tuple[Path, Path]:
    """The add-on as a folder to look at and as an archive; answers both. Raises `Unavailable` where they cannot be written."""
    archive = folder / f"{NAME}-{version('logsentry')}.tar.gz"
    try:
        for name, data in contents().items():
            path = folder / NAME / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        archive.write_bytes(packed())
    except OSError as error:
        raise Unavailable(f"the add-on cannot be written to {folder}: {error.strerror}") from error
    return folder / NAME, archive


def packed() -> bytes:
    """The archive, with owners, times and permissions that do not depend on who made it."""
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(
            {NAME, *(f"{NAME}/{parent}" for path in contents() for parent in map(str, Path(path).parents) if parent != ".")}
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for path, data in contents().items():
            entry = tarfile.TarInfo(f"{NAME}/{path}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)
