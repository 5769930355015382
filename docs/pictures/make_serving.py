"""Makes docs/pictures/serving.png, the status page in docs/serving.md, of a real server under load: python docs/pictures/make_serving.py

Needs Chromium (Debian: apt-get install chromium), and torch for the second model. One name of its store points to a damaged bundle.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))

from services.browser import browser  # noqa: E402 - `services` is found only now
from services.model_server import add_bundle, serving  # noqa: E402

from logsentry.server.client import Client, Connection  # noqa: E402

LOGS = ROOT / "logsentry" / "demo" / "logs"
TRAIN = (
    "train",
    "--quiet",
    "--source",
    "http-access",
    "--detector",
    "counting",
    "--name",
    "web-counting",
    "--alerts-per-day",
    "20",
)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "store"
        add_bundle(store, 0)
        command = [sys.executable, "-m", "logsentry", *TRAIN, "--store", store, LOGS / "ordinary-2015-05-17.log.gz"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        damaged = add_bundle(store, 9, name="web-next")
        (store / "bundles" / damaged / "model.onnx").write_bytes(b"cut off")
        with serving(store, "--table", "0") as server, browser(folder) as page:
            url = f"http://127.0.0.1:{server.port}"
            for model, requests in (("web", 12), ("web", 12), ("web-counting", 60)):
                threading.Thread(target=ask, args=(url, model, requests), daemon=True).start()
            time.sleep(5)
            page.open(url + "/?refresh=0", 1280, 860)
            page.picture(ROOT / "docs" / "pictures" / "serving.png")
    return 0


def ask(url: str, model: str, requests: int) -> None:
    lines = gzip.decompress((LOGS / "ordinary-2015-05-19.log.gz").read_bytes()).splitlines(keepends=True)
    client = Client(Connection(url))
    for number in range(requests):
        client.score("http-access", b"".join(lines[100 * number : 100 * number + 1000]), model)


if __name__ == "__main__":
    sys.exit(main())
