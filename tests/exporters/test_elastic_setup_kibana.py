"""What Kibana is given: objects that hold together, about fields that exist; and how they are brought in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from logsentry_elasticsearch.command import command
from logsentry_elasticsearch.connection import Connection
from logsentry_elasticsearch.fields import FIELDS
from logsentry_elasticsearch.kibana import Kibana
from logsentry_elasticsearch.kibana_objects import LINK, LINK_SCRIPT, ndjson, objects
from logsentry_elasticsearch.kibana_saved import ALERTS, SCORES, SOURCES
from logsentry_elasticsearch.names import Names
from services.answering import Answering, address, answering

from logsentry.sdk import Secret, Unavailable

MADE = objects(Names(), ["weblogs*", "proxy-*"])
BY_ID = {item["id"]: item for item in MADE}


def inner(item: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, content) of everything in an object that is JSON in text."""
    attributes = item["attributes"]
    for name, text in {**attributes, **attributes.get("kibanaSavedObjectMeta", {})}.items():
        if name.endswith("JSON") or name in (
            "visState",
            "fieldFormatMap",
            "runtimeFieldMap",
            "fields",
            "fieldAttrs",
            "sourceFilters",
        ):
            yield name, json.loads(text)


def test_ids_are_unique_and_references_resolve_backwards() -> None:
    seen: list[tuple[str, str]] = []
    for item in MADE:
        assert all((reference["type"], reference["id"]) in seen for reference in item["references"])
        seen.append((item["type"], item["id"]))
    assert len(set(seen)) == len(MADE)


def test_inner_references_are_named_among_the_outer_ones() -> None:
    for item in MADE:
        names = {reference["name"] for reference in item["references"]}
        parts = dict(inner(item))
        if item["type"] in ("visualization", "search"):
            assert parts["searchSourceJSON"]["indexRefName"] in names
        for panel in parts.get("panelsJSON", []):
            assert f"{panel['panelIndex']}:{panel['panelRefName']}" in names


def test_every_field_is_one_that_documents_have() -> None:
    asked = {part["params"]["field"] for item in MADE for name, state in inner(item) if name == "visState"
             for part in state["aggs"] if "field" in part["params"]}  # fmt: skip
    listed = {name for item in MADE if item["type"] == "search" for name in item["attributes"]["columns"]}
    sorted_by = {name for item in MADE if item["type"] == "search" for name, _ in item["attributes"]["sort"]}
    assert {"event.risk_score", "logsentry.key", "logsentry.detector"} <= asked
    assert (asked | listed | sorted_by) - {LINK} <= FIELDS.keys()
    assert LINK not in FIELDS, "a computed field would hide a real one"
    assert {"logsentry.source.index", "logsentry.source.id"} <= FIELDS.keys()
    assert "params._source.logsentry?.source" in LINK_SCRIPT


def test_fields_are_asked_only_for_what_their_types_can() -> None:
    """Text cannot be counted by value, and only numbers and dates have a highest."""
    for item in MADE:
        for part in (part for name, state in inner(item) if name == "visState" for part in state["aggs"]):
            kind = FIELDS.get(part["params"].get("field", ""), {}).get("type")
            if part["type"] == "terms":
                assert kind in ("keyword", "boolean", "ip", "long")
            if part["type"] == "max":
                assert kind in ("float", "double", "long", "date")


def test_terms_are_ordered_by_an_aggregation_that_is_there() -> None:
    for item in MADE:
        for name, state in inner(item):
            if name == "visState":
                ids = [part["id"] for part in state["aggs"]]
                assert len(set(ids)) == len(ids)
                orders = [part["params"]["orderBy"] for part in state["aggs"] if part["type"] == "terms"]
                assert set(orders) <= {"_key", *ids}


def test_panels_stand_within_the_grid_and_apart() -> None:
    (dashboard,) = (item for item in MADE if item["type"] == "dashboard")
    taken: set[tuple[int, int]] = set()
    for panel in dict(inner(dashboard))["panelsJSON"]:
        grid = panel["gridData"]
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        assert grid["x"] + grid["w"] <= 48
        assert grid["i"] == panel["panelIndex"]
        assert taken.isdisjoint(cells)
        taken |= cells


def test_an_alert_leads_to_its_source_document() -> None:
    for view in (SCORES, ALERTS):
        parts = dict(inner(BY_ID[view]))
        assert parts["fieldFormatMap"][LINK]["params"]["urlTemplate"] == f"../app/discover#/doc/{SOURCES}/{{{{rawValue}}}}"
        assert parts["runtimeFieldMap"][LINK]["type"] == "keyword"
    assert BY_ID[SOURCES]["attributes"]["title"] == "weblogs*,proxy-*"
    assert BY_ID[ALERTS]["attributes"]["title"] == "logs-logsentry.alerts-*"


def test_a_namespace_of_its_own_takes_nobodys_place() -> None:
    other = objects(Names("prod"), [])
    assert {item["id"] for item in other}.isdisjoint(BY_ID)
    text = ndjson(other).decode()
    for item in MADE:
        assert text.count(item["id"]) == text.count(f"{item['id']}-prod"), "nothing refers to the common objects"


def test_a_line_an_object(tmp_path: Path) -> None:
    lines = ndjson(MADE).splitlines()
    assert [json.loads(line) for line in lines] == MADE
    written = CliRunner().invoke(
        command, ["setup", "--print", "--out", str(tmp_path / "new"), "--sources", "a"], standalone_mode=False
    )
    assert written.exception is None
    assert "logsentry-kibana.ndjson" in written.stderr
    assert len((tmp_path / "new" / "logsentry-kibana.ndjson").read_bytes().splitlines()) == len(MADE)


class Importing(Answering):
    """Kibana's import: it checks what Kibana checks, and keeps what it got in its server."""

    def do_POST(self) -> None:
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + self.body()).get_payload()  # type: ignore[misc]
        self.server.got = (self.path, dict(self.headers), part)  # type: ignore[attr-defined]
        status, said = self.server.answer  # type: ignore[attr-defined]
        if "kbn-xsrf" not in self.headers:
            status, said = 400, {"statusCode": 400, "error": "Bad Request", "message": "Request must contain a kbn-xsrf header."}
        self.answer(status, said)


@pytest.fixture
def kibana() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Importing)
    server.answer = 200, {"success": True, "successCount": len(MADE)}  # type: ignore[attr-defined]
    with answering(server):
        yield server


def test_the_import_is_one_form_with_credentials(kibana: Any) -> None:
    client = Kibana(Connection(url=address(kibana) + "/s/soc", api_key=Secret("id:key")))
    client.bring(MADE)
    path, headers, part = kibana.got
    assert path == "/s/soc/api/saved_objects/_import?overwrite=true"
    assert headers["authorization"].startswith("ApiKey ")
    assert part.get_filename() == "logsentry-kibana.ndjson"
    assert part.get_payload(decode=True).strip() == ndjson(MADE).strip()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {"statusCode": 401, "error": "Unauthorized", "message": "no"}), "status 401, Unauthorized"),
        (
            (200, {"success": False, "errors": [{"id": "logsentry-overview", "error": {"type": "unsupported_type"}}]}),
            "overview: unsup",
        ),
    ],
)
def test_a_refusal_says_what_was_refused(kibana: Any, answer: Any, said: str) -> None:
    kibana.answer = answer
    with pytest.raises(Unavailable, match=said):
        Kibana(Connection(url=address(kibana))).bring(MADE)


def test_the_command_brings_it_in(elasticsearch: str, kibana: Any) -> None:
    words = ["setup", "--url", elasticsearch, "--namespace", "h8_kibana", "--kibana", address(kibana)]
    said = CliRunner().invoke(command, words, standalone_mode=False)
    assert said.exception is None
    assert "brought in    data views and dashboard of Kibana" in said.stdout
    titles = [
        json.loads(line)["attributes"]["title"] for line in kibana.got[2].get_payload(decode=True).splitlines() if line.strip()
    ]
    assert "logs-logsentry.alerts-h8_kibana" in titles


def test_a_dry_run_leaves_kibana_alone(elasticsearch: str, kibana: Any) -> None:
    words = ["setup", "--url", elasticsearch, "--namespace", "h8_kibana", "--kibana", address(kibana), "--dry-run", "--json"]
    said = CliRunner().invoke(command, words, standalone_mode=False)
    assert said.exception is None
    assert "would bring in" in said.stderr
    assert json.loads(said.stdout)
    assert not hasattr(kibana, "got")
