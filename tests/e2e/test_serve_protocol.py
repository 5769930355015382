"""The open inference protocol v2 as a client sees it: by hand, and with a client that nobody here wrote."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from services.model_server import NAME, Server, add_bundle, serving, store_in

from logsentry.scoring.scorer import Options, Scorer
from logsentry.store.bundles import Store

ROOT = Path(__file__).parents[2]
PEERS = Path(os.environ.get("LOGSENTRY_PEERS", ROOT / ".venv-peers")) / "bin"
WINDOWS = [[3, 5, 6, 7, 4], [3, 9, 9, 4, 0], [3, 142, 1, 8, 4], [3, 4, 0, 0, 0]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("protocol") / "store"
    store_in(folder, 1)
    return folder


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Server]:
    with serving(store, "--control", "--table", "0", "--limit", "windows=500") as running:
        yield running


@pytest.fixture(scope="module")
def values(store: Path) -> list[float]:
    """What the scorer itself says of each window, alone."""
    scorer = Scorer(Store(store).find(NAME), Options(table=0))
    return [scorer.judge([tuple(key for key in window if key)])[0].value for window in WINDOWS]


def test_health_and_metadata(server: Server, store: Path) -> None:
    digest = Store(store).history(NAME)[-1]
    assert server.ask("GET", "/healthz").body == b"ok\n"
    for path, told in (("/v2/health/live", {"live": True}), ("/v2/health/ready", {"ready": True}), ("/readyz", {"ready": True})):
        assert (server.ask("GET", path).status, server.ask("GET", path).json()) == (200, told)
    about = server.ask("GET", "/v2").json()
    assert about["name"] == "logsentry"
    assert about["extensions"] == ["binary_tensor_data", "model_repository"]
    for path in (f"/v2/models/{NAME}", f"/v2/models/{NAME}/versions/{digest[:12]}", f"/v2/models/{NAME}/versions/{digest}"):
        model = server.ask("GET", path).json()
        assert (model["name"], model["versions"], model["inputs"][0]["datatype"]) == (NAME, [digest[:12]], "INT64")
        assert server.ask("GET", path + "/ready").json() == {"name": NAME, "ready": True}
    assert server.ask("HEAD", "/v2/health/live").status == 200


def test_together_or_alone_the_values_are_the_scorers(server: Server, values: list[float]) -> None:
    together = server.infer(WINDOWS).json()
    outputs = {output["name"]: output for output in together["outputs"]}
    assert list(outputs) == ["value", "p_value", "threshold", "alert"]
    assert outputs["value"]["data"] == pytest.approx(values, abs=1e-5)
    assert outputs["alert"]["data"] == [value >= outputs["threshold"]["data"][0] for value in values]
    for window, value in zip(WINDOWS, values, strict=True):
        alone = server.infer([window]).json()["outputs"][0]
        assert (alone["name"], alone["shape"]) == ("value", [1])
        assert alone["data"] == pytest.approx([value], abs=1e-5)


def test_binary_in_and_out(server: Server, values: list[float]) -> None:
    ids = np.array(WINDOWS, "<u2")
    tensor = {"name": "ids", "datatype": "UINT16", "shape": list(ids.shape), "parameters": {"binary_data_size": ids.nbytes}}
    head = json.dumps({"id": "a", "inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    answer = server.ask("POST", f"/v2/models/{NAME}/infer", head + ids.tobytes(), length)
    cut = int(answer.headers["inference-header-content-length"])
    told = json.loads(answer.body[:cut])
    sizes = [output["parameters"]["binary_data_size"] for output in told["outputs"]]
    assert (told["id"], sum(sizes)) == ("a", len(answer.body) - cut)
    assert np.frombuffer(answer.body, "<f8", len(values), cut) == pytest.approx(values, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "tokens"}, "takes one input, ids"),
        ({"datatype": "FP32"}, "whole numbers"),
        ({"datatype": "BYTES"}, "whole numbers"),
        ({"shape": [5]}, "whole numbers"),
        ({"shape": [2**31, 2**31]}, "reads 1 to 500 windows of 1 to 66 ids"),
        ({"shape": [501, 5]}, "reads 1 to 500 windows"),
        ({"shape": [1, 67]}, "reads 1 to 500 windows"),
        ({"shape": [0, 5], "data": []}, "reads 1 to 500 windows"),
        ({"shape": [-1, 5]}, "reads 1 to 500 windows"),
        ({"shape": [2, 5]}, "and 5 values"),
        ({"data": [3, 5, 6, 7, 143]}, "outside the 143"),
        ({"data": [3, 5, 6, 7, -1]}, "outside the 143"),
        ({"data": [0, 0, 0, 0, 0]}, "at least one id"),
        ({"data": [3, 0, 6, 7, 4]}, "only at its end"),
        ({"data": [0, 3, 6, 7, 4]}, "only at its end"),
        ({"data": None}, "no data"),
    ],
)
def test_what_is_wrong_with_a_request_is_found_before_it_waits(server: Server, change: dict[str, object], said: str) -> None:
    tensor = {"name": "ids", "datatype": "INT64", "shape": [1, 5], "data": WINDOWS[0], **change}
    answer = server.ask("POST", f"/v2/models/{NAME}/infer", {"inputs": [tensor]})
    assert answer.status == 400
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"inputs":[]}', b'{"inputs":' + b"[" * 100_000, b"\xff\xfe", b'{"inputs":[{}]}']
)
def test_what_is_no_request_is_refused(server: Server, body: bytes) -> None:
    answer = server.ask("POST", f"/v2/models/{NAME}/infer", body)
    assert (answer.status, list(answer.json())) == (400, ["error"])


def test_a_deadline_of_the_clients_own_is_kept(server: Server) -> None:
    late = server.infer([WINDOWS[0]] * 500, parameters={"timeout": 1})
    assert late.status == 504
    assert "was not judged in its time" in late.json()["error"]
    assert server.infer([WINDOWS[0]], parameters={"timeout": 20_000_000}).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/nothing",
        "/v2/models/nothing/ready",
        "/v2/models/web/versions/1",
        "/v2/models/..%2f..%2fetc",
        "/v2/models/web%00",
        "/x",
    ],
)
def test_what_is_not_there_is_404_as_json(server: Server, path: str) -> None:
    answer = server.ask("GET", path)
    assert (answer.status, list(answer.json())) == (404, ["error"])


def test_a_wrong_method_is_405_and_says_which_are_right(server: Server) -> None:
    answer = server.ask("DELETE", f"/v2/models/{NAME}")
    assert (answer.status, list(answer.json())) == (405, ["error"])
    assert "GET" in answer.headers["allow"]


def test_the_repository_lists_loads_and_unloads(server: Server, store: Path) -> None:
    add_bundle(store, 0, "other")
    deadline = time.monotonic() + 20
    while len(server.ask("POST", "/v2/repository/index", {"ready": True}).json()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.ask("POST", "/v2/repository/models/other/unload").status == 200
    assert server.infer(WINDOWS, "other").status == 404
    rows = {row["name"]: row for row in server.ask("POST", "/v2/repository/index").json()}
    assert [(name, row["state"]) for name, row in rows.items()] == [("other", "UNAVAILABLE"), (NAME, "READY")]
    assert [row["name"] for row in server.ask("POST", "/v2/repository/index", {"ready": True}).json()] == [NAME]
    assert server.ask("POST", "/v2/repository/models/other/load", {}).status == 200
    assert server.infer(WINDOWS, "other").status == 200
    assert server.ask("POST", "/v2/repository/models/nothing/load").status == 404
    assert server.ask("POST", "/v2/repository/models/nothing/unload").status == 404
    assert server.ask("POST", "/v2/repository/models/web/load", {"parameters": {"file:1/x": ""}}).status == 400
    assert server.ask("POST", "/v2/repository/index", b"{").status == 400
    (store / "names" / "other.json").unlink()
    assert server.ask("POST", "/v2/repository/models/other/unload").status == 200


def test_a_client_that_nobody_here_wrote(server: Server, values: list[float]) -> None:
    if not (PEERS / "python").exists():
        pytest.skip(f"there is no tritonclient in {PEERS.parent}; `make services` installs it")
    script = ROOT / "tests" / "services" / "triton_client.py"
    command = [PEERS / "python", script, f"127.0.0.1:{server.port}", NAME]
    done = subprocess.run(command, input=json.dumps(WINDOWS), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [told[name] for name in ("live", "ready", "model_ready", "version_ready", "nothing_ready")] == [True] * 4 + [False]
    assert told["server"]["name"] == "logsentry"
    assert told["model"]["inputs"] == [{"name": "ids", "datatype": "INT64", "shape": [-1, -1]}]
    assert NAME in [row["name"] for row in told["index"]]
    for form in ("binary", "json", "packed", "int32"):
        assert told[form]["value"] == pytest.approx(values, abs=1e-5)
        assert (told[form]["id"], told[form]["version"]) == ("7", told["model"]["versions"][0])
        assert set(map(type, told[form]["alert"])) == {bool}
    assert [status for status, _ in told["errors"]] == ["400"] * 3
    assert (told["unload"][0], told["unloaded_ready"], told["load"][0], told["loaded_ready"]) == ("200", False, "200", True)
    assert (told["load_nothing"][0], told["load_with_files"][0]) == ("404", "400")
