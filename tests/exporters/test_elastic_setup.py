"""`logsentry elastic setup` against a real Elasticsearch: made once, found afterwards, and what documents then meet."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from logsentry_elasticsearch.command import command
from logsentry_elasticsearch.connection import Cluster, Connection
from logsentry_elasticsearch.fields import FIELDS
from logsentry_elasticsearch.names import Names
from logsentry_elasticsearch.offer import Wishes, offer_of
from logsentry_elasticsearch.roles import keys, roles
from logsentry_elasticsearch.setup import examine, items, run

from logsentry.errors import LogsentryError, Unavailable, UsageError

NOBODY = "http://127.0.0.1:9"
PARTS = ["component template", "component template", "index template", "index template"]


@pytest.fixture
def namespace() -> str:
    return "h8_" + uuid4().hex[:12]


@pytest.fixture
def cluster(elasticsearch: str) -> Cluster:
    return Cluster(Connection(url=elasticsearch))


def typed(*words: str, code: int = 0) -> Result:
    """The command as it is called; errors of ours come as they are, since the command line outside makes sentences of them."""
    result = CliRunner().invoke(command, ["setup", *words], standalone_mode=False)
    if isinstance(result.exception, LogsentryError):
        raise result.exception
    assert result.exception is None, result.output
    assert (result.return_value or 0) == code, result.output
    return result


def test_the_first_run_makes_and_the_second_finds(elasticsearch: str, cluster: Cluster, namespace: str) -> None:
    asked = ("--url", elasticsearch, "--namespace", namespace)
    made = [line for line in typed(*asked).stdout.splitlines() if not line.startswith("left out")]
    assert [line.split()[0] for line in made] == ["made"] * len(PARTS)
    again = [line for line in typed(*asked).stdout.splitlines() if not line.startswith("left out")]
    assert [line.split()[0] for line in again] == ["equal"] * len(PARTS)
    assert [line.split(None, 1)[1] for line in again] == [line.split(None, 1)[1] for line in made]
    wishes = Wishes(Names(namespace))
    for item in items(wishes, offer_of(cluster, wishes)):
        assert cluster.request("GET", item.path).status == 200


def test_a_dry_run_makes_nothing(elasticsearch: str, cluster: Cluster, namespace: str) -> None:
    said = typed("--url", elasticsearch, "--namespace", namespace, "--dry-run").stdout
    assert said.count("would make") == len(PARTS)
    assert cluster.request("GET", f"/_index_template/{Names(namespace).template('scores')}").status == 404


def test_what_the_node_lacks_is_left_out_and_said(elasticsearch: str, namespace: str) -> None:
    """This node has no lifecycle, no `set` step, and no roles."""
    found = json.loads(
        typed("--url", elasticsearch, "--namespace", namespace, "--dry-run", "--json", "--sources", "weblogs*").stdout
    )
    out = {row["kind"]: row["notes"] for row in found if row["state"] == "left out"}
    assert out.keys() == {"lifecycle", "ingest pipeline", "roles"}
    assert all(len(notes) == 1 and notes[0] for notes in out.values())
    assert [row["kind"] for row in found if row["state"] == "missing"] == PARTS


def test_a_lifecycle_that_is_asked_for_and_not_offered_is_an_error(elasticsearch: str, namespace: str) -> None:
    with pytest.raises(Unavailable, match="no lifecycle of the kind 'policy'"):
        typed("--url", elasticsearch, "--namespace", namespace, "--lifecycle", "policy")


def test_what_a_person_changed_is_shown_and_put_back(elasticsearch: str, cluster: Cluster, namespace: str) -> None:
    asked, part = ("--url", elasticsearch, "--namespace", namespace), f"/_component_template/{Names(namespace).part('mappings')}"
    typed(*asked)
    template = cluster.request("GET", part).json()["component_templates"][0]["component_template"]
    properties = template["template"]["mappings"]["properties"]
    properties["logsentry"]["properties"]["value"] = {"type": "keyword"}
    properties["added"] = {"type": "long"}
    assert cluster.request("PUT", part, template).status == 200
    shown = typed(*asked, "--dry-run").stdout
    assert "would change  component template" in shown
    assert "template.mappings.properties.logsentry.properties.value.type is keyword, would be double" in shown
    assert "template.mappings.properties.added.type is long, would be not there" in shown
    assert "\nchanged" in typed(*asked).stdout
    assert "equal         component template" in typed(*asked, "--dry-run").stdout


def test_documents_meet_the_mapping_and_never_widen_it(elasticsearch: str, cluster: Cluster, namespace: str) -> None:
    typed("--url", elasticsearch, "--namespace", namespace)
    score = {"value": 1.5, "alert": True, "key": "10.0.0.1", "fields": {"deep": {"er": "x"}}}
    document = {
        "@timestamp": "2026-11-22T00:00:00Z",
        "logsentry": score,
        "surprise": {"field": 1},
        "source": {"ip": "no address"},
    }
    for stream in (Names(namespace).stream("scores"), Names(namespace).stream("alerts")):
        made = cluster.request("PUT", f"/{stream}/_create/1", document, {"refresh": "true"})
        assert (made.status, made.json()["_index"][:4]) == (201, ".ds-"), made.body
        (mapping,) = cluster.request("GET", f"/{stream}/_mapping").json().values()
        assert "surprise" not in mapping["mappings"]["properties"]
        for name, wanted in FIELDS.items():
            assert field_of(mapping["mappings"], name)["type"] == wanted["type"], name
        for query, hits in (('logsentry.key:"10.0.0.1"', 1), ("logsentry.fields.deep.er:x", 1), ("surprise.field:1", 0)):
            assert cluster.request("GET", f"/{stream}/_count", params={"q": query}).json()["count"] == hits
        kept = cluster.request("GET", f"/{stream}/_search").json()["hits"]["hits"][0]["_source"]
        assert kept == document


def field_of(mapping: dict[str, Any], name: str) -> Any:
    for part in name.split("."):
        mapping = mapping["properties"][part]
    return mapping


def test_streams_that_are_there_are_named_when_templates_change(elasticsearch: str, cluster: Cluster, namespace: str) -> None:
    names = Names(namespace)
    typed("--url", elasticsearch, "--namespace", namespace)
    assert cluster.request("PUT", f"/{names.stream('scores')}/_create/1", {"@timestamp": "2026-11-22T00:00:00Z"}).status == 201
    assert "rollover" not in typed("--url", elasticsearch, "--namespace", namespace).stderr
    body = {"template": {"settings": {"index": {"codec": "default"}}}}
    assert cluster.request("PUT", f"/_component_template/{names.part('settings')}", body).status == 200
    said = typed("--url", elasticsearch, "--namespace", namespace).stderr
    assert f"POST {names.stream('scores')}/_rollover" in said


def test_a_plain_index_in_a_streams_place_is_told(elasticsearch: str, cluster: Cluster, namespace: str) -> None:
    """This node makes one of the first score, where no template says that it is to be a stream."""
    name = Names(namespace).stream("scores")
    assert cluster.request("PUT", f"/{name}/_create/1", {"@timestamp": "2026-11-22T00:00:00Z"}).status == 201
    assert f"{name} is a plain index" in typed("--url", elasticsearch, "--namespace", namespace).stderr
    assert cluster.request("DELETE", f"/{name}").status == 200
    assert "plain index" not in typed("--url", elasticsearch, "--namespace", namespace).stderr


def test_a_refusal_is_a_finding_and_ends_with_1(elasticsearch: str, cluster: Cluster, namespace: str) -> None:
    """Another's template of the same pattern and priority is in the way of one of ours."""
    names = Names(namespace)
    other = {"index_patterns": [names.stream("alerts")], "data_stream": {}, "priority": names.priority}
    assert cluster.request("PUT", f"/_index_template/{namespace}-in-the-way", other).status == 200
    said = typed("--url", elasticsearch, "--namespace", namespace, code=1).stdout
    assert f"refused       index template {names.template('alerts')}: status 400" in said
    assert f"made          index template {names.template('scores')}" in said


def test_the_own_hook_counts(elasticsearch: str, cluster: Cluster, namespace: str) -> None:
    names = Names(namespace)
    custom = {"template": {"mappings": {"properties": {"site": {"type": "keyword"}}}}}
    assert cluster.request("PUT", f"/_component_template/{names.part('custom')}", custom).status == 200
    typed("--url", elasticsearch, "--namespace", namespace)
    assert cluster.request("PUT", f"/{names.stream('scores')}/_create/1", {"@timestamp": "2026-11-22T00:00:00Z"}).status == 201
    (mapping,) = cluster.request("GET", f"/{names.stream('scores')}/_mapping").json().values()
    assert field_of(mapping["mappings"], "site") == {"type": "keyword"}
    assert field_of(mapping["mappings"], "logsentry.value") == {"type": "double"}


def test_print_asks_no_cluster_and_prints_what_would_be_sent() -> None:
    printed = json.loads(typed("--url", NOBODY, "--print", "--json", "--sources", "weblogs*").stdout)
    paths = [row["path"] for row in printed]
    for wanted in (
        "_component_template/logsentry@mappings",
        "_index_template/logs-logsentry.alerts",
        "_security/role/logsentry_reader",
    ):
        assert f"/{wanted}" in paths
    templates = [row["body"] for row in printed if "/_index_template/" in row["path"]]
    assert all(body["priority"] > 200 and body["data_stream"] == {} for body in templates)
    assert all(body["template"]["lifecycle"] == {"data_retention": "90d"} for body in templates)
    (policy,) = [
        row["body"]["policy"]
        for row in json.loads(typed("--print", "--json", "--lifecycle", "policy", "--keep", "7").stdout)
        if "/_ilm/" in row["path"]
    ]
    assert policy["phases"]["delete"]["min_age"] == "7d"


def test_print_is_what_the_console_of_kibana_takes() -> None:
    for request in typed("--print").stdout.split("\n\n"):
        head, _, body = request.strip().partition("\n")
        assert head.startswith(("PUT /", "POST /_security/api_key"))
        assert json.loads(body)


def test_roles_hold_no_more_than_they_need() -> None:
    made = roles(Names(), ["weblogs*"])
    writer, reader = made["logsentry_writer"]["indices"], made["logsentry_reader"]["indices"]
    assert [part["names"] for part in writer] == [["logs-logsentry.scores-*", "logs-logsentry.alerts-*"]]
    forbidden = {"all", "manage", "delete", "delete_index", "write", "index", "create", "create_index"}
    assert forbidden.isdisjoint(writer[0]["privileges"] + reader[0]["privileges"])
    assert [made[name]["cluster"] for name in ("logsentry_writer", "logsentry_reader", "logsentry_updater")] == [[], [], []]
    assert {key["name"]: sorted(key["role_descriptors"]) for key in keys(Names(), ["weblogs*"])} == {
        "logsentry_jobs": ["logsentry_reader", "logsentry_writer"],
        "logsentry_updates": ["logsentry_updater"],
    }


def test_a_cluster_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        typed("--url", NOBODY)
    with pytest.raises(UsageError, match="url or cloud_id"):
        typed()


def test_every_finding_is_about_one_thing(cluster: Cluster, namespace: str) -> None:
    wishes = Wishes(Names(namespace))
    kinds = [finding.kind for finding in run(cluster, wishes, dry=True) if finding.state == "missing"]
    assert kinds == PARTS
    assert {examine(cluster, item).state for item in items(wishes, offer_of(cluster, wishes))} == {"missing"}


@given(st.text(max_size=110))
def test_a_namespace_is_refused_or_fits_into_every_name(namespace: str) -> None:
    try:
        names = Names(namespace)
    except UsageError:
        assert namespace
        return
    for name in (names.stream("scores"), names.template("alerts"), names.part("mappings"), names.role("writer")):
        assert name == name.lower()
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-@*")
        assert len(name) <= 200
