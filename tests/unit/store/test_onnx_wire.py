"""What reaches outside an ONNX file is found before a runtime opens it; the files are made with the `onnx` package."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from logsentry.errors import BundleRefused
from logsentry.store.onnx_wire import inspect


def model(nodes: list[Any], domains: dict[str, int] | None = None, initializers: list[Any] | None = None) -> bytes:
    floats = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph(
        nodes, "g", [floats], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])], initializers or []
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in (domains or {"": 23}).items()]
    return helper.make_model(graph, opset_imports=opsets).SerializeToString()


def outcome(data: bytes) -> str:
    try:
        inspect(data, "m")
    except BundleRefused:
        return "refused"
    return "read"


def test_an_ordinary_model_answers_its_opset() -> None:
    assert inspect(model([helper.make_node("Relu", ["x"], ["y"])], {"": 23, "com.microsoft": 1}), "m") == 23


def test_a_custom_domain_is_refused_wherever_it_hides() -> None:
    bad = helper.make_node("Shell", ["x"], ["y"], domain="evil.ops")
    inner = helper.make_graph([bad], "inner", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    for nodes in ([bad], [branch]):
        with pytest.raises(BundleRefused, match=r"evil\.ops"):
            inspect(model(nodes), "m")


def test_weights_in_another_file_are_refused() -> None:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    node = helper.make_node("Add", ["x", "w"], ["y"])
    constant = helper.make_node("Constant", [], ["w"], value=tensor)
    for data in (model([node], initializers=[tensor]), model([constant, node])):
        with pytest.raises(BundleRefused, match="another file"):
            inspect(data, "m")


@pytest.mark.parametrize("data", [b"", b"\x80\x04}\x94.", b"MZ\x90", b"\x42\xff\xff\xff\xff\x0f", b"\x3a" * 10_000])
def test_what_is_no_onnx_file_is_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused):
        inspect(data, "m")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    assert outcome(data) in ("refused", "read")


@given(st.data())
def test_a_cut_off_model_is_refused_or_harmless(data: st.DataObject) -> None:
    whole = model([helper.make_node("Relu", ["x"], ["y"])])
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert outcome(cut) == "refused" or inspect(cut, "m") == 23
