"""Kubernetes audit: requests that other people's rules fire on, and requests on which the same rules stay quiet.

Panther's rule tests are mostly written by hand; each says whether its own rule should fire, and nothing of other rules. Falco's
traces are of a real API server; one is malicious here if a rule of level NOTICE or worse fires on it. audit2rbac's demo log is
ordinary administration. Each request is judged by itself: the tests are single requests, and most carry no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from labelled.sets import Group, Question, written_to
from logsentry.errors import BadRecord
from logsentry.pipeline.build import make_source
from logsentry.schema.event import Filtered
from logsentry.schema.record import Record

CLOUDS = ("aks", "gke")
SERIOUS = frozenset(("NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"))
NO_EVENT = "labelled/falco/fal_01_003.json"
"""A trace of an answer to a health check, which is no audit event."""
Test = Mapping[str, Any]


def questions(data: Path, work: Path) -> list[Question]:
    """The wrappings of two clouds left out, all of Falco left out, and a third of Panther's rules left out."""
    folder, work = data / "siem" / "kube-audit", work / "kube-audit"
    lines = (folder / "labelled" / "panther-rule-tests.jsonl").read_bytes().splitlines()
    tests = [test for test in map(orjson.loads, lines) if _is_event(test)]
    plain, cloud = ([test for test in tests if (test["shape"] in CLOUDS) == wanted] for wanted in (False, True))
    found = [
        _question("requests wrapped by AKS or GKE", _by_rule(plain, work / "plain"), _by_rule(cloud, work / "cloud")),
        _question("Falco's traces and a demo log", _by_rule(tests, work / "all"), _falco(folder)),
    ]
    rules = list(dict.fromkeys(test["rule"] for test in tests))
    out = frozenset(rules[::3])
    learn, ask = ([test for test in tests if (test["rule"] in out) == wanted] for wanted in (False, True))
    rest = _question(f"{len(out)} of {len(rules)} rules", _by_rule(learn, work / "most"), _by_rule(ask, work / "third"))
    return [*found, rest]


def _question(left_out: str, learn: Sequence[Group], ask: Sequence[Group]) -> Question:
    settings = {"epochs": 100, "bag_epochs": 100}
    user = "user.effective.name"
    return Question("kube-audit", left_out, tuple(learn), tuple(ask), user, (user,), 0.05, 0.6, True, settings)


def _is_event(test: Test) -> bool:
    """Five tests are of other logs of a cloud."""
    record = Record(orjson.dumps(test["log"]), "test", "test", 0, {})
    try:
        return not isinstance(make_source("kube-audit").decode(record), Filtered)
    except BadRecord:
        return False


def _by_rule(tests: Sequence[Test], folder: Path) -> list[Group]:
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for rule in dict.fromkeys(test["rule"] for test in tests):
        lines = [
            [orjson.dumps(t["log"]) + b"\n" for t in tests if t["rule"] == rule and t["expected"] == y] for y in (False, True)
        ]
        found.append(Group(rule, *(written_to(folder / f"{rule}.{y}.jsonl", some) for y, some in enumerate(lines))))
    return found


def _falco(folder: Path) -> list[Group]:
    """A group a trace, and the demo log as one more."""
    found = [Group("audit2rbac", tuple(map(str, (folder / "benign" / "audit2rbac").iterdir())))]
    for line in (folder / "labelled" / "falco" / "labels.jsonl").read_bytes().splitlines():
        trace = orjson.loads(line)
        if trace["file"] == NO_EVENT:
            continue
        path = (str(folder / trace["file"]),)
        fires = any(test["detect"] and str(test["level"]).upper() in SERIOUS for test in trace["falco_tests"])
        found.append(Group(trace["file"], *(((), path) if fires else (path, ()))))
    return found
