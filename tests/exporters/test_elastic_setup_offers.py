"""The setup against clusters that offer more, less or other things than the real node of the tests: lifecycles, roles, OpenSearch.

Such a cluster is a small server that keeps what it is sent and gives it back as Elasticsearch does, with dates and defaults added.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from logsentry_elasticsearch.advice import VARIABLE, on_certificate, on_status
from logsentry_elasticsearch.command import command
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch.connection import _completed as completed
from logsentry_elasticsearch.differences import WHOLE, differences
from logsentry_elasticsearch.names import Names
from logsentry_elasticsearch.offer import Wishes, offer_of
from logsentry_elasticsearch.setup import Finding, items, run
from services.answering import Answering, address, answering

from logsentry.sdk import Unavailable

ALL = ("_data_stream", "_ilm", "_ingest", "_security", "_component_template", "_index_template")
WISHES = Wishes(Names("ns"), sources=("weblogs*",))
ADDED = {"created_date": "2026-11-22T00:00:00Z", "version": 3, "applications": [], "run_as": [], "enabled": True}


class Offering(ThreadingHTTPServer):
    """A cluster that has the places `offered`; `forbidden` ones answer 403, and a `closed` one 401 to everything."""

    def __init__(
        self, offered: tuple[str, ...] = ALL, forbidden: tuple[str, ...] = (), opensearch: bool = False, closed: bool = False
    ) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.offered, self.forbidden, self.closed = offered, forbidden, closed
        self.version = {"distribution": "opensearch", "number": "2.11.1"} if opensearch else {"number": "8.19.21"}
        self.kept: dict[str, Any] = {}


class Answers(Answering):
    server: Offering
    shapes: ClassVar = {"_component_template": "component_template", "_index_template": "index_template"}

    def do_GET(self) -> None:
        self.answer(*self.found(self.path.strip("/").split("/")))

    def do_PUT(self) -> None:
        status, said = self.found(self.path.strip("/").split("/"))
        body = json.loads(self.body())
        if status in (200, 404):
            self.server.kept[self.path] = body
            status, said = 200, {"acknowledged": True}
        self.answer(status, said)

    def do_POST(self) -> None:
        assert self.path == "/_ingest/pipeline/_simulate"
        self.body()
        status, said = self.found(["_ingest"])
        self.answer(200 if status == 404 else status, said)

    def found(self, parts: list[str]) -> tuple[int, dict[str, Any]]:
        place, name = parts[0], parts[-1]
        if self.server.closed:
            return 401, {"error": {"type": "security_exception", "reason": "missing authentication credentials"}}
        if not place:
            return 200, {"version": self.server.version}
        if place in self.server.forbidden:
            return 403, {"error": {"type": "security_exception", "reason": "action is unauthorized for user [someone]"}}
        if place not in self.server.offered:
            return 400, {"error": f"no handler found for uri [{self.path}] and method [{self.command}]"}
        body = self.server.kept.get(self.path)
        if body is None:
            return 404, {}
        if shape := self.shapes.get(place):
            return 200, {shape + "s": [{"name": name, shape: body | ADDED}]}
        return 200, {name: body | ADDED}


@pytest.fixture
def serving() -> Iterator[Any]:
    with ExitStack() as started:

        def start(*args: Any, **more: Any) -> tuple[Cluster, Offering]:
            server = Offering(*args, **more)
            started.enter_context(answering(server))
            return Cluster(Connection(url=address(server))), server

        yield start


def states(findings: list[Finding]) -> list[str]:
    return [finding.state for finding in findings]


def test_all_that_is_offered_is_made_once(serving: Any) -> None:
    cluster, server = serving()
    assert set(states(list(run(cluster, WISHES, dry=False)))) == {"made"}
    assert sorted(path for path in server.kept) == sorted(item.path for item in items(WISHES, offer_of(cluster, WISHES)))
    assert server.kept["/_index_template/logs-logsentry.scores-ns"]["template"] == {"lifecycle": {"data_retention": "90d"}}
    settings = server.kept["/_component_template/logsentry-ns@settings"]["template"]["settings"]["index"]
    assert settings["default_pipeline"] == "logsentry-ns@pipeline"
    assert "/_ingest/pipeline/logsentry-ns@pipeline" in server.kept
    assert "/_security/role/logsentry_writer_ns" in server.kept
    assert set(states(list(run(cluster, WISHES, dry=False)))) == {"equal"}, "what the cluster adds is no difference"


def test_a_policy_where_streams_have_no_lifecycle(serving: Any) -> None:
    cluster, server = serving(offered=tuple(place for place in ALL if place != "_data_stream"))
    assert set(states(list(run(cluster, WISHES, dry=False)))) == {"made"}
    phases = server.kept["/_ilm/policy/logsentry-ns"]["policy"]["phases"]
    assert phases["delete"]["min_age"] == "90d"
    settings = server.kept["/_component_template/logsentry-ns@settings"]["template"]["settings"]["index"]
    assert settings["lifecycle"] == {"name": "logsentry-ns"}
    assert "template" not in server.kept["/_index_template/logs-logsentry.scores-ns"]
    paths = list(server.kept)
    assert paths.index("/_ilm/policy/logsentry-ns") < paths.index("/_component_template/logsentry-ns@settings")


def test_a_lifecycle_may_be_unwanted(serving: Any) -> None:
    cluster, server = serving()
    wishes = Wishes(Names("ns"), lifecycle="none")
    notes = [finding.notes[0] for finding in run(cluster, wishes, dry=False) if finding.kind == "lifecycle"]
    assert notes == ["not asked for, so the streams grow until somebody rolls them over and deletes"]
    assert not any("_ilm" in path or "lifecycle" in json.dumps(body) for path, body in server.kept.items())


def test_opensearch_gets_its_own_types_and_no_hook(serving: Any) -> None:
    cluster, server = serving(("_component_template", "_index_template", "_ingest"), opensearch=True)
    found = list(run(cluster, WISHES, dry=False))
    assert {finding.kind for finding in found if finding.state == "left out"} == {"lifecycle", "roles"}
    mapping = server.kept["/_component_template/logsentry-ns@mappings"]["template"]["mappings"]
    assert mapping["properties"]["logsentry"]["properties"]["fields"] == {"type": "flat_object"}
    assert "ignore_missing_component_templates" not in server.kept["/_index_template/logs-logsentry.scores-ns"]


@pytest.mark.parametrize("place", ["_data_stream", "_ingest", "_security", "_component_template"])
def test_a_user_without_rights_is_told_before_anything_is_made(serving: Any, place: str) -> None:
    cluster, server = serving(forbidden=(place,))
    with pytest.raises(Unavailable, match="unauthorized for user"):
        list(run(cluster, WISHES, dry=False))
    made_before = {"_component_template": {"/_ingest/pipeline/logsentry-ns@pipeline"}}
    assert set(server.kept) == made_before.get(place, set())


CREDENTIALS = "LOGSENTRY_ELASTICSEARCH_API_KEY, or LOGSENTRY_ELASTICSEARCH_USERNAME and LOGSENTRY_ELASTICSEARCH_PASSWORD"


def test_who_says_nothing_of_themselves_is_told_how(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, server = serving(closed=True)
    done = CliRunner().invoke(command, ["setup", "--url", address(server)])
    assert str(done.exception).endswith(f"status 401, security_exception: missing authentication credentials; give {CREDENTIALS}")
    monkeypatch.setenv("LOGSENTRY_ELASTICSEARCH_API_KEY", "id:wrong")
    done = CliRunner().invoke(command, ["setup", "--url", address(server)])
    assert str(done.exception).endswith(f"; what was sent is not accepted: check {CREDENTIALS}")
    assert "wrong" not in str(done.exception)


def test_the_variables_that_are_named_are_those_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    named = ("API_KEY", "USERNAME", "PASSWORD", "CA_FILE")
    for name in named:
        monkeypatch.delenv(VARIABLE + name, raising=False)
    assert on_status(401, known=False) == f"; give {CREDENTIALS}"
    monkeypatch.setenv(VARIABLE + "USERNAME", "someone")
    monkeypatch.setenv(VARIABLE + "PASSWORD", "planted")
    monkeypatch.setenv(VARIABLE + "CA_FILE", "authority.pem")
    found = completed(Connection(url="https://host:9200"))
    assert (found.username, found.password and found.password.reveal(), found.ca_file) == ("someone", "planted", "authority.pem")
    monkeypatch.setenv(VARIABLE + "API_KEY", "id:planted")
    assert (found := completed(Connection(url="https://host:9200"))).api_key
    assert found.username == ""


def test_no_authority_is_advised_where_the_name_is_wrong() -> None:
    assert on_certificate("certificate verify failed: self-signed certificate in certificate chain").endswith("_CA_FILE")
    assert on_certificate("certificate verify failed: unable to get local issuer certificate").endswith("_CA_FILE")
    assert on_certificate("certificate verify failed: Hostname mismatch, certificate is not valid for 'a'") == ""


def test_the_short_help_of_the_setup_is_a_whole_sentence() -> None:
    rows = CliRunner().invoke(command, ["--help"]).stdout.splitlines()
    assert "  setup  Make templates, lifecycle, pipeline and roles." in rows


LEAVES = st.one_of(st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3))
KEYS = st.sampled_from(["a", "b", "template", "mappings", "settings", "processors"])
BODIES = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=4), max_leaves=12).filter(
    lambda body: isinstance(body, dict)
)


@given(BODIES)
def test_a_body_does_not_differ_from_itself_as_json_or_as_text(body: dict[str, Any]) -> None:
    assert differences(body, body) == []
    assert differences(body, json.loads(json.dumps(body))) == []
    assert differences(body, body | ADDED) == []


@given(BODIES, st.sampled_from(WHOLE), st.text("xyz", min_size=1, max_size=5))
def test_an_addition_counts_where_it_changes_what_is_stored(body: dict[str, Any], below: str, name: str) -> None:
    found = json.loads(json.dumps(body))
    inner = found
    for part in below.strip(".").split("."):
        if not isinstance(inner.setdefault(part, {}), dict):
            inner[part] = {}
        inner = inner[part]
    inner[name] = "added"
    assert any(phrase.startswith(f"{below}{name} is added") for phrase in differences(body, found))


def test_numbers_and_truths_of_settings_come_back_as_text() -> None:
    assert differences({"a": {"b": 1, "c": True}}, {"a": {"b": "1", "c": "true"}}) == []
    assert differences({"a": {"b": 1}}, {"a": {"b": "2"}}) == ["a.b is 2, would be 1"]
    assert differences({"a": 1}, {}) == ["a is not there, would be 1"]
