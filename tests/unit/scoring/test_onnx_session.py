"""The provider that was asked for runs, or there is one sentence; and threads wait for each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import parser

from logsentry.errors import BundleRefused, Unavailable, UsageError
from logsentry.scoring import onnx_session
from logsentry.scoring.hardware import MIB, Hardware, options_of
from logsentry.scoring.onnx_session import OnnxSession

MODEL = parser.parse_model(
    '<ir_version: 10, opset_import: ["" : 21]> double (float[n] x) => (float[n] y) <float two = {2}> { y = Mul (x, two) }'
).SerializeToString()
NEEDS_GPU_BUILD = pytest.mark.skipif("CUDAExecutionProvider" not in onnxruntime.get_available_providers(), reason="no GPU build")


def test_a_processor_runs_the_graph_and_is_no_makeshift() -> None:
    session = OnnxSession(MODEL)
    assert (session.provider, session.degraded, session.outputs) == ("cpu", False, ["y"])
    assert session.run(None, {"x": np.array([1.5], np.float32)})[0].tolist() == [3.0]
    assert session.run(["y"], {"x": np.array([2.0], np.float32)}, rows=1)[0].tolist() == [4.0]


@pytest.mark.parametrize(("providers", "name"), [((), "''"), (("gpu",), "'gpu'"), (("cpu", "rocm"), "'rocm'")])
def test_an_unknown_provider_is_named(providers: tuple[str, ...], name: str) -> None:
    with pytest.raises(UsageError, match=f"no execution provider {name}; known: cpu, cuda, tensorrt"):
        OnnxSession(MODEL, Hardware(providers))


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_where_there_is_no_gpu_opening_fails_and_a_processor_that_may_stand_in_says_so(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(Unavailable, match=f"no execution provider of {provider} works on this machine; allow cpu as well"):
        OnnxSession(MODEL, Hardware((provider,)))
    session = OnnxSession(MODEL, Hardware((provider, "cpu"), gpu_memory=512, engines="engines"))
    assert (session.provider, session.degraded) == ("cpu", True)


@NEEDS_GPU_BUILD
@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a GPU")
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_build_for_gpus_without_one_says_why_and_writes_nothing(provider: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unavailable, match=f"no execution provider of {provider} works") as caught:
        OnnxSession(MODEL, Hardware((provider,)))
    assert ".cc:" not in str(caught.value)
    session = OnnxSession(MODEL, Hardware((provider, "cpu")))
    assert (session.provider, session.degraded) == ("cpu", True)
    assert capfd.readouterr() == ("", ""), "stdout is for scores"


def test_a_graph_that_is_none_is_refused_in_one_line() -> None:
    with pytest.raises(BundleRefused, match="cannot open the graph") as caught:
        OnnxSession(b"nothing")
    assert "\n" not in str(caught.value)


def test_cuda_graphs_need_a_gpu() -> None:
    with pytest.raises(UsageError, match="CUDA graphs are for a GPU"):
        OnnxSession(MODEL, Hardware(cuda_graphs=True))


def test_what_a_gpu_is_told() -> None:
    plain = options_of("cuda", Hardware(("cuda",)))
    assert plain == {"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested"}
    bounded = options_of("cuda", Hardware(("cuda",), gpu_memory=2048, cuda_graphs=True))
    assert bounded == {**plain, "gpu_mem_limit": str(2048 * MIB), "enable_cuda_graph": "1"}
    built = options_of("tensorrt", Hardware(("tensorrt",), "fp16", engines="/engines"))
    assert (built["trt_fp16_enable"], built["trt_engine_cache_path"]) == ("1", "/engines")
    assert options_of("cpu", Hardware(gpu_memory=1)) == {}


@NEEDS_GPU_BUILD
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_the_options_are_ones_that_the_library_knows(provider: str) -> None:
    """Their names are text in the provider's library; a name that it lacks would be refused only where there is a GPU."""
    library = next(path for path in libraries() if provider in path.name)
    text = library.read_bytes()
    for hardware in (Hardware((provider,), gpu_memory=1, cuda_graphs=True, engines="e"), Hardware((provider,), "fp16")):
        for name, value in options_of(provider, hardware).items():
            assert name.encode() in text
            assert not value.startswith("k") or value.encode() in text


def libraries() -> Iterator[Path]:
    return Path(onnxruntime.__file__).with_name("capi").glob("libonnxruntime_providers_*.so")


def test_runs_of_several_threads_never_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    within, most = 0, 0
    real = onnxruntime.InferenceSession

    class Slow(real):  # type: ignore[misc, valid-type]
        def run(self, *arguments: object) -> object:
            nonlocal within, most
            within += 1
            most = max(most, within)
            time.sleep(0.002)
            within -= 1
            return super().run(*arguments)

    monkeypatch.setattr(onnx_session.ort, "InferenceSession", Slow)
    session = OnnxSession(MODEL)
    threads = [
        threading.Thread(target=lambda: [session.run(None, {"x": np.zeros(1, np.float32)}) for _ in range(5)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
