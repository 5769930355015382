"""Where a model is trained and how exactly: products in float32, or in bfloat16 with weights, sums and losses in float32.

Autocast keeps the weights as they are and rounds only what goes into a matrix product or an LSTM, and what comes out of it. bfloat16
has the range of float32, so no gradient vanishes and no loss is scaled (Kalamkar et al. 2019, arXiv 1905.12322, section 3). What is
exported has the float32 weights and runs in float32; `verdicts` says whether rounding would have changed what a model says.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from logsentry.errors import UsageError

Asked = Literal["auto", "fp32", "bf16"]
Kind = Literal["fp32", "bf16"]


def kind_on(device: str, asked: Asked) -> Kind:
    """`auto` is bf16 on a GPU that multiplies in it, and fp32 anywhere else.

    Raises `UsageError` where a CUDA device is wanted and there is none, or bf16 of one that would only imitate it.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device is cuda, but torch finds no CUDA device here; set device to cpu")
    able = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if asked == "bf16" and device == "cuda" and not able:
        raise UsageError("precision is bf16, but this GPU does not multiply in bf16; set precision to fp32")
    if asked == "auto":
        return "bf16" if able else "fp32"
    return asked


def products(device: str, kind: Kind) -> AbstractContextManager[object]:
    """Inside, matrix products are of this kind; with fp32 nothing at all is changed."""
    return torch.autocast(device, torch.bfloat16) if kind == "bf16" else nullcontext()
