"""The demo's bundle behind mosec, run by mosec's own interpreter: the bodies of the open inference protocol in and out, over one worker.

BUNDLE names the bundle, BATCH and WAIT_MS how mosec batches. With BARE the handler only runs the graph and answers the members' mean
surprise: what mosec costs around a bare session. JSON is read and written by msgspec, which is faster than mosec's own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from mosec import Server, Worker

from logsentry.scoring.panel import by_length
from logsentry.scoring.scorer import Options, Scorer
from logsentry.store.verified import read

Window = tuple[int, ...]


class Scores(Worker):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.scorer = Scorer(read(Path(os.environ["BUNDLE"]), "demo"), Options(table=0))
        self.bare = "BARE" in os.environ

    def deserialize(self, data: bytes) -> Any:
        return msgspec.json.decode(data)

    def serialize(self, data: Any) -> bytes:
        return msgspec.json.encode(data)

    def forward(self, data: Any) -> Any:
        """One request, or a list of them where mosec batches."""
        asked = data if isinstance(data, list) else [data]
        each = [windows(request["inputs"][0]) for request in asked]
        every = [window for some in each for window in some]
        values = self._surprise(every) if self.bare else np.array([verdict.value for verdict in self.scorer.judge(every)])
        p_values = values if self.bare else self.scorer.calibration.p_values(values, "majority")
        cuts = np.cumsum([len(some) for some in each])[:-1]
        parts = zip(np.split(values, cuts), np.split(p_values, cuts), strict=True)
        found = [{"outputs": self._outputs(*part)} for part in parts]
        return found if isinstance(data, list) else found[0]

    def _surprise(self, every: list[Window]) -> np.ndarray:
        session = self.scorer.panel.seats[0].judge.session  # type: ignore[attr-defined]
        found: dict[Window, float] = {}
        for _, same in by_length(every):
            means = session.run(np.array(same), 2).surprise.sum(axis=2).mean(axis=0)
            found.update(zip(same, means.tolist(), strict=True))
        return np.array([found[window] for window in every])

    def _outputs(self, values: np.ndarray, p_values: np.ndarray) -> list[dict[str, Any]]:
        threshold = self.scorer.threshold.value
        named = {"value": values, "p_value": p_values, "threshold": [threshold] * len(values), "alert": values >= threshold}
        return [{"name": name, "shape": [len(values)], "data": np.asarray(data).tolist()} for name, data in named.items()]


def windows(tensor: dict[str, Any]) -> list[Window]:
    rows, length = tensor["shape"]
    flat = tensor["data"]
    return [tuple(key for key in flat[at * length : (at + 1) * length] if key) for at in range(rows)]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Scores, num=1, max_batch_size=int(os.environ["BATCH"]), max_wait_time=int(os.environ["WAIT_MS"]))
    server.run()
