"""Talks to a server with NVIDIA's own client of the open inference protocol, and prints as JSON what that client understood.

Run by the Python of an environment that has `tritonclient[http]` and nothing of ours: `python triton_client.py HOST:PORT MODEL`.
The window ids come as JSON on stdin.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton  # type: ignore[import-not-found]


def main(address: str, model: str) -> None:
    ids = np.array(json.load(sys.stdin), np.int64)
    client = triton.InferenceServerClient(address)
    told: dict[str, Any] = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(model),
        "nothing_ready": client.is_model_ready("nothing"),
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata(model),
        "index": client.get_model_repository_index(),
    }
    version = told["model"]["versions"][0]
    told["version_ready"] = client.is_model_ready(model, version)
    for name, binary in (("binary", True), ("json", False)):
        told[name] = infer(client, model, version, ids, binary)
    told["packed"] = infer(client, model, "", ids, True, request_compression_algorithm="gzip")
    told["int32"] = infer(client, model, "", ids.astype(np.int32), True)
    told["errors"] = [
        refused(client, model, ids, **wrong) for wrong in ({"name": "tokens"}, {"datatype": "FP32"}, {"output": "nothing"})
    ]
    told["unload"] = controlled(client.unload_model, model)
    told["unloaded_ready"] = client.is_model_ready(model)
    told["load"] = controlled(client.load_model, model)
    told["loaded_ready"] = client.is_model_ready(model)
    told["load_nothing"] = controlled(client.load_model, "nothing")
    told["load_with_files"] = controlled(client.load_model, model, config="{}")
    json.dump(told, sys.stdout)


def asked(ids: Any, binary: bool, name: str = "ids") -> Any:
    datatype = {"int64": "INT64", "int32": "INT32", "float32": "FP32"}[str(ids.dtype)]
    tensor = triton.InferInput(name, list(ids.shape), datatype)
    tensor.set_data_from_numpy(ids, binary_data=binary)
    return tensor


def infer(client: Any, model: str, version: str, ids: Any, binary: bool, **options: Any) -> dict[str, Any]:
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("value", "p_value", "alert")]
    found = client.infer(model, [asked(ids, binary)], version, outputs, request_id="7", **options)
    told = {name: found.as_numpy(name).tolist() for name in ("value", "p_value", "alert")}
    return {**told, "id": found.get_response()["id"], "version": found.get_response()["model_version"]}


def refused(client: Any, model: str, ids: Any, name: str = "ids", datatype: str = "", output: str = "value") -> list[str]:
    ids = ids.astype(np.float32) if datatype else ids
    try:
        client.infer(model, [asked(ids, True, name)], outputs=[triton.InferRequestedOutput(output)])
    except triton.InferenceServerException as error:
        return [str(error.status()), error.message()]
    return ["200", ""]


def controlled(work: Any, *arguments: Any, **named: Any) -> list[str]:
    try:
        work(*arguments, **named)
    except triton.InferenceServerException as error:
        return [str(error.status()), error.message()]
    return ["200", ""]


if __name__ == "__main__":
    main(*sys.argv[1:])
