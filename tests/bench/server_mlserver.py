"""The demo's bundle behind MLServer, run by MLServer's own interpreter as a custom runtime. BUNDLE names the bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from logsentry.scoring.scorer import Options, Scorer
from logsentry.store.verified import read


class Scores(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        self.scorer = Scorer(read(Path(os.environ["BUNDLE"]), "demo"), Options(table=0))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """MLServer puts requests of equal length together before it calls this, and cuts the answer along its first axis."""
        tensor = payload.inputs[0]
        ids = np.array(tensor.data.root).reshape(tensor.shape)
        values = np.array([verdict.value for verdict in self.scorer.judge([tuple(filter(None, row)) for row in ids.tolist()])])
        threshold = self.scorer.threshold.value
        outputs = [
            output("value", "FP64", values.tolist()),
            output("p_value", "FP64", self.scorer.calibration.p_values(values, "majority").tolist()),
            output("threshold", "FP64", [threshold] * len(values)),
            output("alert", "BOOL", (values >= threshold).tolist()),
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)


def output(name: str, datatype: str, data: list[Any]) -> ResponseOutput:
    return ResponseOutput(name=name, datatype=datatype, shape=[len(data), 1], data=data)
