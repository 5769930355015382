"""One graph, open on one execution provider of onnxruntime.

The provider that was asked for is the one that runs, or opening fails; only where the caller allows several does the next one stand in,
and then `degraded` says so (onnxruntime falls back silently: microsoft/onnxruntime issues 17801, 23372).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime as ort

from logsentry.errors import BundleRefused, Unavailable, UsageError
from logsentry.scoring.captured import Captured
from logsentry.scoring.hardware import BEHIND, PROVIDERS, Hardware, options_of

WARNINGS, FATAL = 2, 4
"""Severities of onnxruntime's log, from which on it writes to stderr."""


PLACE = re.compile(r"^\S+\.(?:cc|h):\d+ [^)]*\) ")
"""In its source, with which onnxruntime begins some of its errors."""


class OnnxSession:
    """Runs a graph. Threads that ask at once wait for each other, so that each run has the processor, or the GPU's memory, to itself."""

    def __init__(self, model: bytes, hardware: Hardware | None = None, aloud: bool = False) -> None:
        """`aloud`: the native library says on stderr which of its own files it misses. Else the error alone speaks.

        Raises `UsageError` for a provider that is none, `Unavailable` where none of them works here, and `BundleRefused` where the graph
        cannot be run.
        """
        hardware = hardware or Hardware()
        self._session, self.provider = _opened(model, hardware, aloud)
        self.degraded = self.provider != hardware.providers[0]
        self._captured = Captured(self._session) if hardware.cuda_graphs and self.provider == "cuda" else None
        self._lock = threading.Lock()

    @property
    def outputs(self) -> list[str]:
        return [output.name for output in self._session.get_outputs()]

    def run(self, outputs: Sequence[str] | None, feeds: Mapping[str, np.ndarray], rows: int | None = None) -> list[np.ndarray]:
        """The named outputs, None being all.

        `rows`: the first axis of every input and output has this length, and no row sees another. Only such a run may be filled up to a
        shape that was captured.
        """
        with self._lock:
            if self._captured is not None and outputs is not None:
                return self._captured.run(outputs, feeds, rows)
            found: list[np.ndarray] = self._session.run(outputs, dict(feeds))
            return found


def _opened(model: bytes, hardware: Hardware, aloud: bool) -> tuple[ort.InferenceSession, str]:
    unknown = [name for name in hardware.providers if name not in PROVIDERS]
    if unknown or not hardware.providers:
        raise UsageError(f"there is no execution provider {unknown[0] if unknown else ''!r}; known: {', '.join(PROVIDERS)}")
    if hardware.cuda_graphs and not hardware.on_gpu:
        raise UsageError("CUDA graphs are for a GPU; ask for the provider cuda or tensorrt as well")
    ort.set_default_logger_severity(WARNINGS if aloud else FATAL)
    available, why = ort.get_available_providers(), ""
    for name in hardware.providers:
        if PROVIDERS[name] not in available:
            continue
        try:
            session = _on(name, model, hardware)
        except Exception as error:  # onnxruntime raises its own classes
            why = PLACE.sub("", str(error).strip().splitlines()[0])
            if name == "cpu":  # which is never missing, so the graph is to blame
                raise BundleRefused(f"onnxruntime {ort.__version__} cannot open the graph: {why}") from error
            continue
        if session.get_providers()[0] == PROVIDERS[name]:
            return session, name
    raise Unavailable(
        f"no execution provider of {', '.join(hardware.providers)} works on this machine; allow cpu as well, or mend the driver"
        + (f" ({why})" if why else "")
    )


def _on(name: str, model: bytes, hardware: Hardware) -> ort.InferenceSession:
    """Without onnxruntime's own way back to another provider, which it would print to stdout, among the scores."""
    every = (name, *BEHIND[name])
    return ort.InferenceSession(
        model,
        _options(hardware.threads),
        providers=[PROVIDERS[each] for each in every],
        provider_options=[options_of(each, hardware) for each in every],
        enable_fallback=0,
    )


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
