"""The open inference protocol, version 2: health, metadata and inference, in JSON and with binary tensors.

A model takes windows as key ids, one row each, shorter rows filled up with 0 at their end, and answers a value, a p-value and a
verdict for each. Raw logs need no ids: they go to `/v1/score`. Source: "Predict Protocol - Version 2" (kserve/open-inference-protocol).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from logsentry import __version__
from logsentry.errors import UsageError
from logsentry.scoring.panel import Ids, Verdict
from logsentry.server import body
from logsentry.server.answers import NotFound, as_json
from logsentry.server.models import Models
from logsentry.server.served import Served
from logsentry.server.tensors import InferRequest, answer, arrays, described, parsed
from logsentry.text.vocabulary import PAD

INPUTS = {"ids": ("INT64", (-1, -1))}
OUTPUTS = {"value": ("FP64", (-1,)), "p_value": ("FP64", (-1,)), "threshold": ("FP64", (-1,)), "alert": ("BOOL", (-1,))}
INTEGERS = ("INT32", "INT64", "UINT16", "UINT32")
HEADER = "inference-header-content-length"


class Inference:
    """Handlers over the models that are served."""

    def __init__(self, models: Models, extensions: tuple[str, ...]) -> None:
        self._models, self._extensions = models, extensions

    async def server(self, request: Request) -> Response:
        return as_json({"name": "logsentry", "version": __version__, "extensions": list(self._extensions)})

    async def live(self, request: Request) -> Response:
        return as_json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Ready once the store was looked through and something of it is served."""
        ready = self._models.looked and bool(self._models.names())
        return as_json({"ready": ready}, 200 if ready else 503)

    async def model(self, request: Request) -> Response:
        served = self._served(request)
        return as_json(
            {
                "name": served.name,
                "versions": [served.version],
                "platform": "onnxruntime_onnx",
                "inputs": described(INPUTS),
                "outputs": described(OUTPUTS),
            }
        )

    async def model_ready(self, request: Request) -> Response:
        served = self._served(request)
        return as_json({"name": served.name, "ready": True})

    async def infer(self, request: Request) -> Response:
        self._served(request)  # nothing is read for a model that is not here
        asked, follows = parsed(await body.read(request, self._models.limits), request.headers.get(HEADER))
        async with self._served(request).used() as served:
            windows = self._windows(served, asked, follows)
            verdicts = await served.batcher.ask(windows, _seconds(asked, self._models.limits.deadline_seconds))
            outputs = self._outputs(served, verdicts)
        about: dict[str, Any] = {"model_name": served.name, "model_version": served.version}
        if served.scorer.panel.degraded:
            about["parameters"] = {"degraded": True}
        data, length = answer(asked, about, outputs)
        if length is None:
            return Response(data, media_type="application/json")
        return Response(data, headers={HEADER: str(length)}, media_type="application/octet-stream")

    def _served(self, request: Request) -> Served:
        try:
            return self._models.get(request.path_params["model"], request.path_params.get("version", ""))
        except UsageError as error:
            raise NotFound(str(error)) from None

    def _windows(self, served: Served, asked: InferRequest, follows: bytes) -> list[Ids]:
        """All that could be wrong with a request is found here, before it may wait beside others."""
        names = [tensor.name for tensor in asked.inputs]
        if names != ["ids"]:
            raise UsageError(f"{served.name} takes one input, ids, and not {', '.join(map(repr, names))[:80] or 'none'}")
        tensor = asked.inputs[0]
        if tensor.datatype not in INTEGERS or len(tensor.shape) != 2:
            raise UsageError(
                f"ids are whole numbers [windows, length] ({', '.join(INTEGERS)}), not {tensor.datatype} {tensor.shape}"
            )
        unknown = next((output.name for output in asked.outputs if output.name not in OUTPUTS), None)
        if unknown is not None:
            raise UsageError(f"there is no output {unknown[:40]!r}; there are: {', '.join(OUTPUTS)}")
        limits, reads = self._models.limits, served.bundle.manifest.max_length
        if not 1 <= tensor.shape[0] <= limits.windows or not 1 <= tensor.shape[1] <= reads:
            raise UsageError(f"{served.name} reads 1 to {limits.windows:,} windows of 1 to {reads:,} ids, not {tensor.shape}")
        ids = arrays(asked, follows, limits.windows * reads)["ids"]
        least = ids.min()
        if least < 0 or ids.max() >= served.bundle.manifest.keys:
            raise UsageError(f"an id is outside the {served.bundle.manifest.keys:,} that {served.name} knows")
        if least > PAD:  # nothing is filled up, as in most requests of one window
            return list(map(tuple, ids.tolist()))
        lengths = (ids != PAD).sum(axis=1)
        if (lengths == 0).any() or (np.where(ids != PAD, np.arange(ids.shape[1]), -1).max(axis=1) != lengths - 1).any():
            raise UsageError("a window has at least one id, and is filled up with 0 only at its end")
        return [tuple(row[:length]) for row, length in zip(ids.tolist(), lengths.tolist(), strict=True)]

    def _outputs(self, served: Served, verdicts: Sequence[Verdict]) -> dict[str, np.ndarray]:
        values = np.array([verdict.value for verdict in verdicts], np.float64)
        threshold = served.scorer.threshold.value
        return {
            "value": values,
            "p_value": served.scorer.p_values(values),
            "threshold": np.full(len(values), threshold, np.float64),
            "alert": values >= threshold,
        }


def _seconds(asked: InferRequest, most: float) -> float:
    """The protocol's `timeout` parameter is in microseconds."""
    given = asked.parameters.get("timeout")
    return min(most, given / 1e6) if isinstance(given, int) and given > 0 else most


class RepositoryRequest(msgspec.Struct, frozen=True):
    """The body of a request to the repository, which may be missing. Unloading knows no parameters, so Triton's are passed over."""

    ready: bool = False
    parameters: dict[str, Any] = {}


class Repository:
    """The model repository extension; loading and unloading only where the server was started to allow it."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def index(self, request: Request) -> Response:
        """All that the store names, or with `{"ready": true}` what is served of it."""
        asked = await self._asked(request)
        rows = []
        for name in self._models.known():
            served = self._models.served(name)
            if served is None and asked.ready:
                continue
            row = {"name": name, "version": served.version if served else "", "state": "READY" if served else "UNAVAILABLE"}
            rows.append({**row, "reason": self._models.failures.get(name, "")})
        return as_json(rows)

    async def load(self, request: Request) -> Response:
        """Serve what the name points to now. A client may not bring a model or a configuration of its own, as Triton lets it."""
        name, asked = request.path_params["model"], await self._asked(request)
        if asked.parameters:
            raise UsageError(f"a model comes from the store as it is; this request also sends {', '.join(asked.parameters)[:80]}")
        if name not in self._models.known():
            raise NotFound(f"the store has no model {name[:80]!r}")
        await self._models.load(name)
        return as_json({})

    async def unload(self, request: Request) -> Response:
        await self._asked(request)
        name = request.path_params["model"]
        if self._models.served(name) is None:
            raise NotFound(f"no model {name[:80]!r} is served here")
        await self._models.unload(name)
        return as_json({})

    async def _asked(self, request: Request) -> RepositoryRequest:
        data = await body.read(request, self._models.limits)
        try:
            return msgspec.json.decode(data, type=RepositoryRequest) if data else RepositoryRequest()
        except (msgspec.DecodeError, RecursionError) as error:
            raise UsageError(f"the request is none to a repository: {error}") from error
