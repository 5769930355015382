"""Linux auditd: what little there is. Test lines of other projects to learn from, and one recorded break-in to be asked about.

Benign are the ordinary lines of Elastic's, go-libaudit's, audit-userspace's and laurel's tests, and those lines of Wazuh's
tests on which its rule stays below level 7. Malicious are CrowdSec's two recordings of what came after a break-in, laurel's
reverse shell, and the lines on which Wazuh's rule is of level 7 or more, most of which are no attack (auditing stopped, a
program crashed). Asked is OTRF's Log4Shell recording: what the exploited Java process started is malicious, what the monitoring
agent did meanwhile is benign. Each event is judged by itself: of a session there is nothing left in test lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from labelled.sets import Group, Question, events_of, parted, written_to
from logsentry.schema.event import Event

ORDINARY = (
    "elastic-filebeat", "elastic-auditbeat", "elastic-integrations-auditd", "go-libaudit-auparse", "go-libaudit-reassembler",
    "audit-userspace", "laurel",
)  # fmt: skip
SHELL = "record-perl-reverse-shell.txt"
ALARM = 7
"""Wazuh's level from which its rules are "bad word" matches, first-time events and worse (its manual, "Rules classification")."""
WAZUH = re.compile(r"^log \d+ pass = (?P<line>.*)$|^alert = (?P<level>\d+)$", re.MULTILINE)
AGENT = 2813
"""The monitoring agent's pid in the recording; what it started has other pids and the same user."""


def questions(data: Path, work: Path) -> list[Question]:
    folder, work = data / "siem" / "auditd", work / "auditd"
    work.mkdir(parents=True, exist_ok=True)
    vectors = folder / "vectors"
    ordinary = sorted(path for name in ORDINARY for path in (vectors / name).iterdir() if path.suffix in (".log", ".txt"))
    cases = [_cases(path, work) for path in sorted((vectors / "go-libaudit-aucoalesce").glob("*.yaml"))]
    benign = Group("test lines", tuple(str(path) for path in ordinary if path.name != SHELL) + tuple(map(str, cases)))
    after = tuple(map(str, sorted((vectors / "crowdsec").glob("*/*.log"))))
    learn = (benign, Group("after a break-in", (), (*after, str(vectors / "laurel" / SHELL))), _wazuh(vectors, work))
    (recording,) = (folder / "attack" / "otrf").glob("*log4shell*.json.gz")
    settings = {"epochs": 100, "bag_epochs": 100}
    fields = ("user.effective.id", "auditd.data.exit")
    return [
        Question(
            "auditd",
            "the recorded break-in",
            learn,
            _log4shell(recording, work),
            "process.executable",
            fields,
            0.05,
            0.6,
            True,
            settings,
        )
    ]


def _cases(path: Path, work: Path) -> Path:
    """go-libaudit's cases of one system, each a few records of one event, as a log."""
    cases = yaml.safe_load(path.read_text())["tests"]
    out = work / f"{path.stem}.log"
    out.write_text("".join(case.rstrip("\n") + "\n" for case in cases.values()))
    return out


def _wazuh(vectors: Path, work: Path) -> Group:
    """Each line has the level of the first rule after it."""
    lines: tuple[list[bytes], list[bytes]] = ([], [])
    waiting: list[bytes] = []
    for found in WAZUH.finditer((vectors / "wazuh" / "auditd.ini").read_text()):
        if found["line"] is not None:
            waiting.append(found["line"].encode() + b"\n")
        else:
            lines[int(found["level"]) >= ALARM].extend(waiting)
            waiting = []
    return Group("wazuh", written_to(work / "wazuh.benign.log", lines[0]), written_to(work / "wazuh.malicious.log", lines[1]))


def _log4shell(path: Path, work: Path) -> tuple[Group, ...]:
    """A group a process."""
    events = events_of("auditd", path)
    malicious = _by_the_agent(events)
    by_pid: dict[object, list[Event]] = {}
    for event in events:
        by_pid.setdefault(event.fields.get("process.pid"), []).append(event)
    return tuple(parted(f"log4shell-{pid}", some, malicious, work / "log4shell") for pid, some in by_pid.items())


def _by_the_agent(events: Sequence[Event]) -> Callable[[Event], bool]:
    """Whether an event is not the monitoring agent's, by its user."""
    users = {event.fields.get("user.effective.id") for event in events if event.fields.get("process.parent.pid") == AGENT}
    return lambda event: event.fields.get("user.effective.id") not in users
