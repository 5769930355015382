"""The zip of Elasticsearch that the tests start, fetched once from Maven Central; run as a script it fetches it (`make services`).

Maven itself checks the download against the registry's checksum; what is kept is checked against the hash below each time, since
it is executed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from hashlib import file_digest
from pathlib import Path

from logsentry.errors import Unavailable

VERSION = "8.19.21"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
SHA256 = "215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a"
CACHE = Path(os.environ.get("LOGSENTRY_CACHE") or Path.home() / ".cache" / "logsentry")


def fetched() -> Path:
    """The zip in the cache. Raises `Unavailable` where it is not there and cannot be fetched, or is not the one that is meant."""
    path = CACHE / f"elasticsearch-{VERSION}.zip"
    if not path.exists():
        _fetch(path)
    with open(path, "rb") as file:
        if file_digest(file, "sha256").hexdigest() != SHA256:
            raise Unavailable(f"{path} is not Elasticsearch {VERSION}: its SHA-256 differs; remove it and try again")
    return path


def _fetch(path: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable(f"{path} is not there, and without Maven (mvn) it cannot be fetched")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [maven, "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=600)
        found = list(Path(folder).glob("*.zip"))
        if done.returncode or not found:
            raise Unavailable(f"Maven could not fetch {ARTIFACT}: {(done.stdout + done.stderr).strip()[:300]}")
        os.replace(found[0], path)


if __name__ == "__main__":
    print(fetched())
