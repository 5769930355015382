"""Windows of real access logs, and the requests of the open inference protocol that carry them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import logsentry
from logsentry.pipeline.build import make_source
from logsentry.pipeline.corpus import read_all, windows_of
from logsentry.scoring.scorer import Scorer
from logsentry.text.vocabulary import BEGIN, END

LOGS = Path(logsentry.__file__).parent / "demo" / "logs"
EVENTS = 10

Window = tuple[int, ...]


def sessions(scorer: Scorer) -> list[Window]:
    """The sessions of the shipped logs as key ids, in order of time: 3 to 66 ids, most of them short."""
    source = make_source("http-access")
    events, _, _ = read_all(source, [str(path) for path in sorted(LOGS.glob("ordinary-*.log.gz"))], lambda *_: None)
    return [scorer.keys.encode(window) for window in windows_of(events, source.profile)]


def sliding(of_sessions: Sequence[Window]) -> list[Window]:
    """The same keys behind each other in windows of ten events, which all have 12 ids."""
    keys = [key for window in of_sessions for key in window[1:-1]]
    return [(BEGIN, *keys[at : at + EVENTS], END) for at in range(len(keys) - EVENTS)]


def in_turn(windows: Sequence[Window], each: int) -> list[list[Window]]:
    """All windows, so many in one request."""
    return [list(windows[at : at + each]) for at in range(0, len(windows) - each + 1, each)]


def filled_up(windows: Sequence[Window]) -> np.ndarray:
    """`[windows, longest]`, filled up with 0."""
    ids = np.zeros((len(windows), max(map(len, windows))), np.int64)
    for row, window in zip(ids, windows, strict=True):
        row[: len(window)] = window
    return ids


def as_json(path: str, windows: Sequence[Window]) -> bytes:
    ids = filled_up(windows)
    tensor = {"name": "ids", "datatype": "INT64", "shape": list(ids.shape), "data": ids.ravel().tolist()}
    body = json.dumps({"inputs": [tensor]}).encode()
    return _post(path, "application/json", b"", body)


def as_binary(path: str, windows: Sequence[Window]) -> bytes:
    """Ids behind the JSON, and answers asked for in the same form."""
    ids = filled_up(windows)
    about = {"binary_data_size": ids.nbytes}
    tensor = {"name": "ids", "datatype": "INT64", "shape": list(ids.shape), "parameters": about}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    more = b"Inference-Header-Content-Length: %d\r\n" % len(head)
    return _post(path, "application/octet-stream", more, head + ids.tobytes())


def _post(path: str, kind: str, more: bytes, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + more + b"\r\n" + body
