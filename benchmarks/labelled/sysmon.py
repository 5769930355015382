"""Sysmon: attacks that somebody played through in three laboratories, each recorded for some seconds to minutes.

OTRF Security-Datasets says of a recording which technique it shows, and not which events are the attack. So labels are made
here, for processes: a process is the attacker's if its program is one that the recordings were driven from (`FOOTHOLDS`), or if
one of those started it; whatever else ran is background. That misses what was started through WMI, DCOM or a service, and what
was injected into, and it means that the name of a program tells the label of many processes: `telling` and `bare` of a question
measure how far.

Processes are told apart by host and pid, for some recordings have two GUIDs for one process. Two recordings of 2019
(`LEFT_OUT`) hold two clocks eleven days apart, which tears every session into single events; they are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PureWindowsPath

from labelled.sets import Group, Question, events_of, parted
from logsentry.schema.event import Event

FOOTHOLDS = frozenset(
    (
        "powershell.exe", "cmd.exe", "wsmprovhost.exe", "psexec.exe", "psexesvc.exe", "scrcons.exe",
        "grunthttp.exe", "grunthttp2.exe", "happy_image.jpeg.exe", "winx64_payload.exe",
    )
)  # fmt: skip
"""Shells and hosts of scripts, the agents of Covenant, and the payloads of the campaign in the third laboratory."""
LEFT_OUT = ("defense_evasion__empire_wdigest_downgrade", "privilege_escalation__empire_invoke_runas")
NAMES = (
    "process.executable", "process.parent.executable", "winlog.event_data.TargetImage", "process.command_line", "file.path",
    "file.name",
)  # fmt: skip
"""Fields that hold the names of programs, people's folders and what was typed."""
BUDGET = 0.01
BY_HAND = "typed by hand"


def questions(data: Path, work: Path) -> Iterator[Question]:
    """A tool left out, what comes of taking whole recordings for malicious, and a laboratory left out."""
    folder = data / "siem" / "sysmon"
    scenarios = {path.name.removesuffix(".jsonl.gz"): path for path in sorted((folder / "otrf-sysmon").glob("*.jsonl.gz"))}
    groups = {name: labelled(name, path, work) for name, path in scenarios.items() if name not in LEFT_OUT}
    for tool in ("Empire", "Covenant", BY_HAND):
        yield _question(f"what {tool} drove" if tool != BY_HAND else "what was typed by hand", *_without(groups, tool))
    calm = str(folder / "robustness" / "evtx-crate" / "sysmon.evtx.gz")
    whole = [Group(name, (calm,), (str(scenarios[name]),)) for name in groups if tool_of(name) != BY_HAND]
    yield _question("typed by hand, after whole recordings and a calm machine", whole, _without(groups, BY_HAND)[1])
    (campaign,) = (folder / "otrf-sysmon-bulk").glob("*.jsonl.gz")
    yield _question("a laboratory, with one campaign", tuple(groups.values()), by_process(campaign, work / "campaign"))


def _question(left_out: str, learn: Sequence[Group], ask: Sequence[Group]) -> Question:
    return Question("sysmon", left_out, tuple(learn), tuple(ask), "process.executable", NAMES, BUDGET)


def _without(groups: dict[str, Group], tool: str) -> tuple[list[Group], list[Group]]:
    own = [name for name in groups if tool_of(name) == tool]
    return [group for name, group in groups.items() if name not in own], [groups[name] for name in own]


def tool_of(name: str) -> str:
    """By what a recording was driven, as its name says; those without a command-and-control tool were typed by hand."""
    return next((tool for tool in ("Empire", "Covenant") if f"__{tool.lower()}_" in name), BY_HAND)


def labelled(name: str, path: Path, work: Path) -> Group:
    """One recording, its events in two files by whose process they are of."""
    events = events_of("sysmon", path)
    return parted(name, events, belongs_to_attacker(events), work / "scenarios")


def by_process(path: Path, folder: Path) -> list[Group]:
    """One recording as many groups, one a process, since nothing else in it is independent."""
    events = events_of("sysmon", path)
    of = belongs_to_attacker(events)
    found: dict[tuple[object, ...], list[Event]] = {}
    for event in events:
        found.setdefault(process(event), []).append(event)
    return [parted(f"process-{number}", some, of, folder) for number, some in enumerate(found.values())]


def belongs_to_attacker(events: Sequence[Event]) -> Callable[[Event], bool]:
    """Whether an event of this recording is of a foothold or of what descends from one."""
    found = {process(event) for event in events if program(event, "process.executable") in FOOTHOLDS}
    started = [event for event in events if event.fields.get("event.code") == "1"]
    found |= {process(event) for event in started if program(event, "process.parent.executable") in FOOTHOLDS}
    size = 0
    while size < len(found):
        size = len(found)
        found |= {process(event) for event in started if process(event, "process.parent.pid") in found}
    return lambda event: process(event) in found


def process(event: Event, pid: str = "process.pid") -> tuple[object, ...]:
    return event.fields.get("host.name"), event.fields.get(pid, event.fields.get("process.entity_id"))


def program(event: Event, field: str) -> str:
    return PureWindowsPath(str(event.fields.get(field, ""))).name.lower()
