"""The recording in which processes have two GUIDs: what `docs/sysmon.md` says of it, counted again."""

from __future__ import annotations

import gzip
from collections import defaultdict
from pathlib import Path

import pytest
from logsentry_sysmon.source import Sysmon

from logsentry.sdk import Event, Filtered, SessionRule, Windowing
from logsentry.stages.windows import assembler
from logsentry.testing import record_of

pytestmark = pytest.mark.data

RECORDING = Path("siem", "sysmon", "otrf-sysmon", "other__aptsimulator_cobaltstrike.jsonl.gz")
BY_ID = SessionRule(key=("host.name", "process.pid"), gap_seconds=1800.0, max_events=64)
SOURCE = Sysmon(Sysmon.Config())


@pytest.fixture(scope="module")
def events(data: Path) -> list[Event]:
    found: list[Event] = []
    for line in gzip.decompress((data / RECORDING).read_bytes()).splitlines():
        decoded = SOURCE.decode(record_of(line))
        found += [] if isinstance(decoded, Filtered) else decoded
    return found


def of_process(events: list[Event]) -> dict[tuple[str, ...], dict[str, list[Event]]]:
    """{(host, pid, image): {GUID: its events}}"""
    found: dict[tuple[str, ...], dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        names = ("host.name", "process.pid", "process.executable")
        process = tuple(str(event.fields[name]).lower() for name in names)
        found[process][str(event.fields["process.entity_id"])].append(event)
    return found


def test_starts_have_a_guid_of_their_own(events: list[Event]) -> None:
    """Machine and second agree, the third part does not, and only the start has the other GUID."""
    split = [guids for guids in of_process(events).values() if len(guids) > 1]
    assert len(split) == 33
    later = 0
    for guids in split:
        codes = sorted(({event.fields["event.code"] for event in some} for some in guids.values()), key=len)
        assert len(guids) == 2
        assert codes[0] == {"1"}
        assert "1" not in codes[1]
        assert len({guid[:19] for guid in guids}) == 1  # `{machine-low-high`, then the third part
        later += max(len(some) for some in guids.values())
    assert later == 907


def test_sessions_by_id_put_each_start_to_its_process(events: list[Event]) -> None:
    """The way round that the page offers; the plugin's own rule leaves 33 starts alone."""
    for rule, alone in ((Sysmon.profile.windows.session, 33), (BY_ID, 0)):
        assert rule is not None
        assemble = assembler(Windowing(session=rule))
        windows = [closed.window for event in events for closed in assemble.feed(event)]
        windows += [closed.window for closed in assemble.flush()]
        starts = {
            guid for guids in of_process(events).values() if len(guids) > 1 for guid, some in guids.items() if len(some) == 1
        }
        own = [window for window in windows if {event.fields["process.entity_id"] for event in window.events} <= starts]
        assert len(own) == alone
        for window in windows:
            assert len({str(event.fields["process.entity_id"])[:19] for event in window.events}) == 1
