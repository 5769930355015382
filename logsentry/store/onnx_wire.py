"""Looks into an ONNX file before any runtime opens it, with nothing but the protobuf wire format.

Two things in a model file reach outside it: tensors stored in other files (`external_data`: onnx/onnx issue 3991, CVE-2025-51480) and
operators of custom domains, which are native code. Both are found here by walking the fields that can hold them
(onnx/onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto), so that scoring needs no `onnx` package.
"""

from __future__ import annotations

from collections.abc import Iterator

from logsentry.errors import BundleRefused

ALLOWED_DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})

_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _OPSET, _FUNCTION = range(8)
# message -> {field number: message inside}; the field numbers are those of onnx.proto
_INSIDE: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 8: _OPSET, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _FUNCTION: {7: _NODE, 9: _OPSET},
    _TENSOR: {},
    _OPSET: {},
}
_DOMAIN = {_NODE: 7, _OPSET: 1, _FUNCTION: 10}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
MAX_DEPTH = 64


def inspect(model: bytes, where: str) -> int:
    """The opset version of the default domain. Raises `BundleRefused` for external data, other domains, or damage."""
    view = memoryview(model)
    try:
        opsets = list(_walk(view, _MODEL, where, 0))
    except (IndexError, ValueError) as error:
        raise BundleRefused(f"{where} is not an ONNX file: {error}") from error
    if not opsets:
        raise BundleRefused(f"{where} is not an ONNX file: it names no operator set")
    return max(opsets)


def _walk(view: memoryview, message: int, where: str, depth: int) -> Iterator[int]:
    """Versions of the default operator set found below this message."""
    if depth > MAX_DEPTH:
        raise ValueError(f"graphs nested deeper than {MAX_DEPTH}")
    domain, version = "", 0
    for number, value in _fields(view):
        if message == _TENSOR and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
            raise BundleRefused(f"{where} keeps weights in another file; a bundle's graph must hold its own")
        if number == _DOMAIN.get(message) and isinstance(value, memoryview):
            domain = bytes(value).decode("utf-8", "replace")
        if message == _OPSET and number == 2 and isinstance(value, int):
            version = value
        inside = _INSIDE[message].get(number)
        if inside is not None and isinstance(value, memoryview):
            yield from _walk(value, inside, where, depth + 1)
    if domain not in ALLOWED_DOMAINS:
        raise BundleRefused(f"{where} uses operators of the domain {domain!r}; only standard ones are run")
    if message == _OPSET and domain in ("", "ai.onnx"):
        yield version


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value) of one message; a value of bytes is a view, nothing is copied."""
    at = 0
    while at < len(view):
        tag, at = _varint(view, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field number 0")
        if wire == 0:
            value, at = _varint(view, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(view, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(view):
            raise ValueError("a field runs past the end: the file is cut off")
        yield number, view[at : at + size]
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number longer than 64 bits")
