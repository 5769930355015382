"""Tensors of the open inference protocol: what goes in comes out, and nothing that does not fit is made into memory."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from logsentry.errors import UsageError
from logsentry.server.tensors import NUMBERS, InferRequest, InputTensor, WantedTensor, answer, arrays, parsed

MOST = 10_000
dtypes = st.sampled_from(sorted(NUMBERS))


def of(data: Any, shape: list[int], datatype: str = "INT64", name: str = "x", **parameters: Any) -> InputTensor:
    return InputTensor(name, shape, datatype, data, parameters)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[str, np.ndarray]:
    name = draw(dtypes)
    shape = draw(nps.array_shapes(min_dims=1, max_dims=4, max_side=5))
    return name, draw(
        nps.arrays(NUMBERS[name], shape, elements={"allow_nan": False, "allow_infinity": False} if "FP" in name else None)
    )


@given(tensors(), st.booleans())
@example(("UINT64", np.array([0, 2**63, 2**64 - 1], np.uint64)), True)
def test_json_comes_back_as_it_was_flat_and_nested(given_: tuple[str, np.ndarray], nested: bool) -> None:
    name, values = given_
    data = json.loads(json.dumps((values if nested else values.ravel()).astype(object).tolist()))
    found = arrays(InferRequest([of(data, list(values.shape), name)]), b"", MOST)["x"]
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@given(st.lists(tensors(), min_size=1, max_size=4))
def test_bytes_come_back_as_they_were(given_: list[tuple[str, np.ndarray]]) -> None:
    inputs = [
        of(None, list(values.shape), name, str(at), binary_data_size=values.nbytes) for at, (name, values) in enumerate(given_)
    ]
    found = arrays(InferRequest(inputs), b"".join(values.tobytes() for _, values in given_), MOST)
    assert list(found) == [str(at) for at in range(len(given_))]
    for values, (_, wanted) in zip(found.values(), given_, strict=True):
        assert values.dtype == wanted.dtype
        np.testing.assert_array_equal(values, wanted)


@given(tensors(), tensors(), st.sampled_from(["json", "binary", "one binary"]))
def test_an_answer_is_read_back_as_a_request_would_be(one: Any, two: Any, form: str) -> None:
    outputs = {"one": one[1], "two": two[1]}
    wanted = [WantedTensor("one", {"binary_data": True}), WantedTensor("two")] if form == "one binary" else []
    asked = InferRequest([], "id 7", wanted, {"binary_data_output": form == "binary"})
    body, length = answer(asked, {"model_name": "web"}, outputs)
    head = json.loads(body[:length])
    assert (head["model_name"], head["id"], length is None) == ("web", "id 7", form == "json")
    told = [InputTensor(o["name"], o["shape"], o["datatype"], o.get("data"), o.get("parameters", {})) for o in head["outputs"]]
    back = InferRequest(told)
    found = arrays(back, b"" if length is None else body[length:], MOST)
    for name, values in outputs.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_an_output_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="no output 'nothing'; there are: value"):
        answer(InferRequest([], outputs=[WantedTensor("nothing")]), {}, {"value": np.zeros(1)})


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (of([1, 2, 3], [2]), "shape \\[2\\] and 3 values"),
        (of([1], [1, 2**31]), "more elements than"),
        (of([], [0, 2**70]), "more elements than"),
        (of([1], [-1]), "a negative size"),
        (of([1], [-1, -1]), "a negative size"),
        (of([1], [1] * 9), "9 dimensions"),
        (of([[1], [2, 3]], [2, 2]), "ragged"),
        (of(["1"], [1]), "not of type INT64"),
        (of([1.5], [1]), "not of type INT64"),
        (of([None], [1]), "not of type INT64"),
        (of([{}], [1]), "not of type INT64"),
        (of([True], [1]), "not of type INT64"),
        (of([300], [1], "UINT8"), "out of the range of UINT8"),
        (of([2**63], [1]), "out of the range of INT64"),
        (of([2**70], [1]), "not of type INT64"),
        (of([2**63, -1], [2], "UINT64"), "not of type UINT64"),
        (of([2**63, 0.5], [2], "UINT64"), "not of type UINT64"),
        (of([1e39], [1], "FP32"), "out of the range of FP32"),
        (of([1], [1], "BOOL"), "not of type BOOL"),
        (of([1], [1], "BYTES"), "known here"),
        (of("abc", [3]), "no data"),
        (of(None, [1]), "no data"),
        (of(None, [1], binary_data_size=9), "promises 9 bytes, and 0 are left"),
        (of(None, [1], binary_data_size=-1), "promises -1 bytes"),
        (of(None, [1], binary_data_size="8"), "promises '8' bytes"),
        (of(None, [1], binary_data_size=0), "and 0 bytes"),
    ],
)
def test_what_does_not_fit_is_said(tensor: InputTensor, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        arrays(InferRequest([tensor]), b"", MOST)


def test_bytes_that_belong_to_nobody_and_names_given_twice_are_refused() -> None:
    with pytest.raises(UsageError, match="3 bytes belong to no input"):
        arrays(InferRequest([of([1], [1])]), b"abc", MOST)
    with pytest.raises(UsageError, match="given twice"):
        arrays(InferRequest([of([1], [1]), of([1], [1])]), b"", MOST)


@pytest.mark.parametrize("shape", [[2**31], [2**31, 2**31], [2**16, 2**16], [0, 2**62], [2**63]])
def test_a_shape_alone_makes_no_memory(shape: list[int]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UsageError):
            arrays(InferRequest([of([1], shape), of(None, shape, name="y", binary_data_size=8)]), b"12345678", MOST)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_the_head_is_cut_where_its_header_says() -> None:
    head = b'{"inputs":[]}'
    request, follows = parsed(head + b"raw", str(len(head)))
    assert (request, follows) == (InferRequest([]), b"raw")
    assert parsed(head, None) == (InferRequest([]), b"")


@pytest.mark.parametrize("length", ["", "-1", "14", "1e3", "٣", "9" * 5000, " 3"])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(UsageError, match="Inference-Header-Content-Length"):
        parsed(b'{"inputs":[]}', length)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"inputs":1}', b"\xff", b'{"inputs":[]}x', b'{"inputs":' + b"[" * 100_000]
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError, match="no inference request"):
        parsed(body, None)


def test_a_tensor_nested_without_end_is_refused() -> None:
    data = b'{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":' + b"[" * 500 + b"1" + b"]" * 500 + b"}]}"
    with pytest.raises(UsageError):
        arrays(parsed(data, None)[0], b"", MOST)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
loose = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=3) | anything,
        "shape": st.lists(st.integers(-2, 5) | st.integers(), max_size=4) | anything,
        "datatype": dtypes | anything,
        "data": anything,
        "parameters": st.dictionaries(st.sampled_from(["binary_data_size", "x"]), anything | st.integers(-2, 20), max_size=2)
        | anything,
    },
)


@given(st.lists(loose, max_size=3), st.binary(max_size=30), st.none() | st.text(max_size=4))
@example([{"name": "x", "shape": [0], "datatype": "INT64", "data": [[], []]}], b"", None)
@example([{"name": "x", "shape": [1], "datatype": "FP16", "data": [65520.0]}], b"", None)
@example([{"name": "x", "shape": [2], "datatype": "UINT64", "data": [2**64 - 1, 1]}], b"", None)
def test_whatever_comes_it_is_a_tensor_or_a_usage_error(inputs: list[Any], follows: bytes, length: str | None) -> None:
    body = json.dumps({"inputs": inputs}, allow_nan=True).encode()
    try:
        request, rest = parsed(body + follows, length if length is not None else str(len(body)))
        found = arrays(request, rest, MOST)
    except UsageError:
        return
    assert [tuple(tensor.shape) for tensor in request.inputs] == [values.shape for values in found.values()]
    assert all(values.dtype == NUMBERS[t.datatype] for t, values in zip(request.inputs, found.values(), strict=True))
