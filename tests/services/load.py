"""Load from a process of its own: `python load.py PORT MODEL CONNECTIONS` asks until its stdin ends, then tells as JSON how that went."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections import Counter


class Load:
    """What the threads have seen together; `failed` holds the first of what was no 200."""

    def __init__(self, port: int, model: str) -> None:
        self._port, self._path = port, f"/v2/models/{model}/infer"
        self._stop, self._lock = threading.Event(), threading.Lock()
        self.versions: Counter[str] = Counter()
        self.failed: list[str] = []

    def ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        turn = number
        while not self._stop.is_set():
            turn += 7
            window = [3, 5 + turn % 130, 5 + turn % 31, 4]
            tensor = {"name": "ids", "datatype": "INT64", "shape": [1, 4], "data": window}
            try:
                connection.request("POST", self._path, json.dumps({"inputs": [tensor]}).encode())
                answer = connection.getresponse()
                self._note(answer.status, answer.read())
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.failed.append(repr(error))
                connection.close()
        connection.close()

    def _note(self, status: int, body: bytes) -> None:
        with self._lock:
            if status == 200:
                self.versions[json.loads(body)["model_version"]] += 1
            else:
                self.failed.append(f"{status} {body[:200]!r}")

    def stop(self) -> None:
        self._stop.set()


def main(port: str, model: str, connections: str) -> None:
    load = Load(int(port), model)
    threads = [threading.Thread(target=load.ask, args=(number,)) for number in range(int(connections))]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    load.stop()
    for thread in threads:
        thread.join()
    json.dump({"answered": load.versions.total(), "versions": load.versions, "failed": load.failed[:5]}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
