"""Where graphs run, and what they may take of the machine: the options of onnxruntime's execution providers.

Sources: "CUDA Execution Provider" and "TensorRT Execution Provider" (onnxruntime.ai/docs/execution-providers).
"""

from __future__ import annotations

import msgspec

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
BEHIND = {"cpu": (), "cuda": ("cpu",), "tensorrt": ("cuda", "cpu")}
"""Who takes the operators that a provider does not have."""

MIB = 1 << 20


class Hardware(msgspec.Struct, frozen=True):
    """Execution providers in order of preference, precision, and processor threads a session.

    `gpu_memory` bounds what one session holds of a GPU's memory, in MiB, 0 being no bound; weights and libraries come on top.
    `cuda_graphs` replays the kernels of shapes met before in one call. `engines` is the folder where TensorRT keeps what it built.
    """

    providers: tuple[str, ...] = ("cpu",)
    precision: str = "fp32"
    threads: int = 1
    gpu_memory: int = 0
    cuda_graphs: bool = False
    engines: str = ""

    @property
    def on_gpu(self) -> bool:
        return self.providers[:1] != ("cpu",)


def options_of(provider: str, hardware: Hardware) -> dict[str, str]:
    """What an execution provider is told."""
    if provider == "cuda":
        return _cuda(hardware)
    return _tensorrt(hardware) if provider == "tensorrt" else {}


def _cuda(hardware: Hardware) -> dict[str, str]:
    """Products keep their 23 bits (TF32 has 10), or a GPU's verdicts were others than a processor's. The arena grows by what is asked and
    not to the next power of two; batches of one length ask for the same again."""
    found = {"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested"}
    if hardware.gpu_memory:
        found["gpu_mem_limit"] = str(hardware.gpu_memory * MIB)
    if hardware.cuda_graphs:
        found["enable_cuda_graph"] = "1"
    return found


def _tensorrt(hardware: Hardware) -> dict[str, str]:
    found = {"trt_fp16_enable": "1" if hardware.precision == "fp16" else "0"}
    if hardware.gpu_memory:
        found["trt_max_workspace_size"] = str(hardware.gpu_memory * MIB)
    if hardware.cuda_graphs:
        found["trt_cuda_graph_enable"] = "1"
    if hardware.engines:
        found |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": hardware.engines}
        found |= {"trt_timing_cache_enable": "1", "trt_timing_cache_path": hardware.engines}
    return found
