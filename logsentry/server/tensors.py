"""Tensors of the open inference protocol as bytes and as JSON.

Sources: "Predict Protocol - Version 2" (kserve/open-inference-protocol) and its binary tensor data extension: the JSON comes first,
`Inference-Header-Content-Length` says how long it is, and the raw little-endian values follow in the order of the tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from logsentry.errors import UsageError

NUMBERS = {
    "BOOL": np.dtype("?"), "INT8": np.dtype("<i1"), "INT16": np.dtype("<i2"), "INT32": np.dtype("<i4"), "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"), "UINT16": np.dtype("<u2"), "UINT32": np.dtype("<u4"), "UINT64": np.dtype("<u8"),
    "FP16": np.dtype("<f2"), "FP32": np.dtype("<f4"), "FP64": np.dtype("<f8"),
}  # fmt: skip
NAMES = {dtype: name for name, dtype in NUMBERS.items()}


MOST_DIMENSIONS = 8
MOST_DIGITS = 12


class InputTensor(msgspec.Struct, frozen=True):
    """One tensor of a request; `data` is missing where its values follow the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    parameters: dict[str, Any] = {}


class WantedTensor(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True):
    inputs: list[InputTensor]
    id: str = ""
    outputs: list[WantedTensor] = []
    parameters: dict[str, Any] = {}


def parsed(body: bytes, header_length: str | None) -> tuple[InferRequest, bytes]:
    """The request and what follows its JSON. Raises `UsageError` for what is not of the protocol."""
    length = len(body)
    if header_length is not None:
        readable = header_length.isascii() and header_length.isdigit() and len(header_length) <= MOST_DIGITS
        if not readable or int(header_length) > len(body):
            raise UsageError(f"Inference-Header-Content-Length is {header_length[:20]!r}, and the body has {len(body):,} bytes")
        length = int(header_length)
    try:
        return msgspec.json.decode(body[:length], type=InferRequest), body[length:]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"the request is no inference request: {error}") from error


def arrays(request: InferRequest, follows: bytes, most: int) -> dict[str, np.ndarray]:
    """Each input by its name; `most` elements at most, which is checked before anything is made of them.

    Raises `UsageError` where shape, type and data do not fit each other.
    """
    found: dict[str, np.ndarray] = {}
    at = 0
    for tensor in request.inputs:
        count = _elements(tensor, most)
        size = tensor.parameters.get("binary_data_size")
        if tensor.name in found:
            raise UsageError(f"the input {tensor.name!r} is given twice")
        if size is None:
            found[tensor.name] = _of_json(tensor, count)
            continue
        if not isinstance(size, int) or size < 0 or at + size > len(follows):
            raise UsageError(f"the input {tensor.name!r} promises {size!r} bytes, and {len(follows) - at:,} are left")
        found[tensor.name] = _of_bytes(tensor, follows[at : at + size], count)
        at += size
    if at != len(follows):
        raise UsageError(f"{len(follows) - at:,} bytes belong to no input")
    return found


def _elements(tensor: InputTensor, most: int) -> int:
    if tensor.datatype not in NUMBERS:
        raise UsageError(f"the input {tensor.name!r} has type {tensor.datatype[:20]!r}; known here: {', '.join(NUMBERS)}")
    if len(tensor.shape) > MOST_DIMENSIONS:
        raise UsageError(f"the input {tensor.name!r} has {len(tensor.shape):,} dimensions; {MOST_DIMENSIONS} are the most")
    count = 1
    for size in tensor.shape:
        count *= size
        if not 0 <= size <= most or count > most:
            raise UsageError(
                f"the input {tensor.name!r} has more elements than the {most:,} that a request may hold, or a negative size"
            )
    return count


def _of_json(tensor: InputTensor, count: int) -> np.ndarray:
    """Nested or flat, as the protocol allows both."""
    if not isinstance(tensor.data, list):
        raise UsageError(f"the input {tensor.name!r} has no data")
    try:
        values = np.array(tensor.data, dtype=None if tensor.data else NUMBERS[tensor.datatype])
    except (ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"the data of {tensor.name!r} is ragged or out of range") from error
    wanted = NUMBERS[tensor.datatype]
    if values.dtype.kind == "f" and wanted == NUMBERS["UINT64"]:
        values = _unrounded(tensor.data, values)
    if values.size != count:
        raise UsageError(f"the input {tensor.name!r} has shape {tensor.shape} and {values.size:,} values")
    if values.dtype.kind not in ("b" if wanted.kind == "b" else "iu" if wanted.kind in "iu" else "iuf"):
        raise UsageError(f"the data of {tensor.name!r} is not of type {tensor.datatype}")
    if values.dtype == wanted:
        return values.reshape(tensor.shape)
    if wanted.kind in "iu" and not _within(values, wanted):
        raise UsageError(f"the data of {tensor.name!r} is out of the range of {tensor.datatype}")
    try:
        with np.errstate(over="raise"):
            return values.astype(wanted).reshape(tensor.shape)
    except FloatingPointError as error:
        raise UsageError(f"the data of {tensor.name!r} is out of the range of {tensor.datatype}") from error


def _unrounded(data: list[Any], values: np.ndarray) -> np.ndarray:
    """numpy makes floats of whole numbers where some are above and some below 2^63."""
    each = np.array(data, dtype=object)
    if not all(type(value) is int and 0 <= value < 1 << 64 for value in each.flat):
        return values
    return each.astype(np.uint64)


def _within(values: np.ndarray, dtype: Any) -> bool:
    limits: Any = np.iinfo(dtype)
    return not values.size or bool(limits.min <= values.min() and values.max() <= limits.max)


def _of_bytes(tensor: InputTensor, data: bytes, count: int) -> np.ndarray:
    dtype = NUMBERS[tensor.datatype]
    if len(data) != count * dtype.itemsize:
        raise UsageError(f"the input {tensor.name!r} has shape {tensor.shape} of {tensor.datatype} and {len(data):,} bytes")
    return np.frombuffer(data, dtype).reshape(tensor.shape)


def answer(request: InferRequest, about: Mapping[str, Any], outputs: Mapping[str, np.ndarray]) -> tuple[bytes, int | None]:
    """The response body, and how long its JSON is where raw values follow it. Raises `UsageError` for an output that is not there."""
    wanted = {output.name: output.parameters for output in request.outputs} or {name: {} for name in outputs}
    unknown = next((name for name in wanted if name not in outputs), None)
    if unknown is not None:
        raise UsageError(f"there is no output {unknown[:40]!r}; there are: {', '.join(outputs)}")
    everything = request.parameters.get("binary_data_output") is True
    described: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for name, parameters in wanted.items():
        values = outputs[name]
        tensor: dict[str, Any] = {"name": name, "datatype": NAMES[values.dtype], "shape": list(values.shape)}
        if parameters.get("binary_data", everything) is True:
            raw.append(values.tobytes())
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            tensor["data"] = values.ravel().tolist()
        described.append(tensor)
    head = msgspec.json.encode({**about, **({"id": request.id} if request.id else {}), "outputs": described})
    return (head + b"".join(raw), len(head)) if raw else (head, None)


def described(tensors: Mapping[str, tuple[str, Sequence[int]]]) -> list[dict[str, Any]]:
    """Tensors as a model's metadata lists them; -1 is a size that varies."""
    return [{"name": name, "datatype": datatype, "shape": list(shape)} for name, (datatype, shape) in tensors.items()]
