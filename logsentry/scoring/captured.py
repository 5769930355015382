"""CUDA graphs: the kernels of a shape are recorded once and then started by one call instead of some hundred.

That helps where kernels are shorter than starting them takes, so for small batches. A recorded graph reads and writes fixed places in the
GPU's memory, therefore inputs and outputs of each shape keep theirs (I/O binding), rows are filled up to a power of two, and a run
whose shape is not among the first `SHAPES` is not recorded. onnxruntime refuses graphs with branches or with operators that a GPU lacks.
Source: "Using CUDA Graphs" and "I/O Binding" of onnxruntime's documentation; run option `gpu_graph_id` since 1.18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime as ort

SHAPES = 64
"""Each keeps its arrays, and they are never given up: onnxruntime has no call that forgets a recorded graph."""

RUNS_BEFORE = 3
"""onnxruntime records a shape after two ordinary runs, in which memory is still laid out. So an answer always comes from the record."""

NOT_RECORDED = -1

Shape = tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]


class Captured:
    """Runs of one session. Not for threads that run at once. `device` is another than `cuda` in tests alone."""

    def __init__(self, session: ort.InferenceSession, device: str = "cuda") -> None:
        self._session, self._device = session, device
        self._places: dict[Shape, _Place] = {}

    def run(self, outputs: Sequence[str], feeds: Mapping[str, np.ndarray], rows: int | None) -> list[np.ndarray]:
        """As `OnnxSession.run`."""
        if rows is None or not rows:
            return self._plain(outputs, feeds)
        feeds = {name: filled_up(array) for name, array in feeds.items()}
        shape = tuple(outputs), tuple(array.shape for array in feeds.values())
        place = self._places.get(shape)
        if place is None and len(self._places) == SHAPES:
            return [found[:rows] for found in self._plain(outputs, feeds)]
        if place is None:
            place = self._places[shape] = self._new(outputs, feeds)
        return [found[:rows] for found in place.run(feeds)]

    def _plain(self, outputs: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        found: list[np.ndarray] = self._session.run(list(outputs), dict(feeds), recorded(NOT_RECORDED))
        return found

    def _new(self, outputs: Sequence[str], feeds: Mapping[str, np.ndarray]) -> _Place:
        """Arrays of this shape on the device, and runs until they are recorded."""
        wanted = self._plain(outputs, feeds)
        place = _Place(self._session, self._device, feeds, dict(zip(outputs, wanted, strict=True)), 1 + len(self._places))
        for _ in range(RUNS_BEFORE):
            place.run(feeds)
        return place


class _Place:
    """Inputs and outputs of one shape, at fixed addresses of the device."""

    def __init__(
        self,
        session: ort.InferenceSession,
        device: str,
        feeds: Mapping[str, np.ndarray],
        answers: Mapping[str, np.ndarray],
        number: int,
    ) -> None:
        self._session, self._options = session, recorded(number)
        self._inputs = {name: ort.OrtValue.ortvalue_from_numpy(array, device, 0) for name, array in feeds.items()}
        self._outputs = [
            ort.OrtValue.ortvalue_from_shape_and_type(array.shape, array.dtype, device, 0) for array in answers.values()
        ]
        self._binding = session.io_binding()
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        for name, value in zip(answers, self._outputs, strict=True):
            self._binding.bind_ortvalue_output(name, value)

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        for name, array in feeds.items():
            self._inputs[name].update_inplace(array)
        self._session.run_with_iobinding(self._binding, self._options)
        return [value.numpy() for value in self._outputs]


def recorded(number: int) -> ort.RunOptions:
    options = ort.RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(number))
    return options


def filled_up(array: np.ndarray) -> np.ndarray:
    """Rows up to the next power of two, by repeating the last one."""
    missing = (1 << (len(array) - 1).bit_length()) - len(array)
    whole = np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array
    return np.ascontiguousarray(whole)
