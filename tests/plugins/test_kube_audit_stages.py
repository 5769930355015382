"""One request, one event, whatever stages of it were logged and in which order."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from logsentry_kube_audit.source import KubeAudit

from logsentry.sdk import Joined, Record

RECEIVED, STARTED, COMPLETE, PANIC = "RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"


def audit(audit_id: str, stage: str, second: int = 0) -> dict[str, object]:
    return {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": audit_id, "stage": stage, "verb": "get",
        "stageTimestamp": f"2024-03-07T10:{second // 60:02d}:{second % 60:02d}.000000Z",
    }  # fmt: skip


def line(audit_id: str, stage: str, second: int = 0) -> bytes:
    return json.dumps(audit(audit_id, stage, second)).encode()


def batch(*events: dict[str, object]) -> bytes:
    return json.dumps({"kind": "EventList", "items": events}).encode()


def joined(*lines: bytes, flush: bool = True, **options: object) -> list[Joined]:
    joiner = KubeAudit(KubeAudit.Config(**options)).joiner()
    found = [each for at, data in enumerate(lines) for each in joiner.feed(Record(data, "x", "x", at, {"line": at}))]
    return [*found, *joiner.flush()] if flush else found


def told(ended: list[Joined]) -> list[tuple[str, str]]:
    return [
        (str(event.fields["kubernetes.audit.auditID"]), str(event.fields["kubernetes.audit.stage"]))
        for each in ended
        for event in each.events
    ]


def test_a_request_is_told_by_its_last_stage() -> None:
    for last in (COMPLETE, PANIC):
        ended = joined(line("a", RECEIVED), line("a", last), flush=False)
        assert told(ended) == [("a", last)]
        assert "earlier stage" in next(each.filtered for each in ended if each.filtered)


def test_a_watch_is_told_when_it_starts_and_not_again() -> None:
    ended = joined(line("w", RECEIVED), line("w", STARTED), line("w", COMPLETE, 1800), flush=False)
    assert told(ended) == [("w", STARTED)]
    assert len(ended) == 3


def test_stages_out_of_order_count_once() -> None:
    assert told(joined(line("a", COMPLETE), line("a", RECEIVED))) == [("a", COMPLETE)]
    assert told(joined(line("a", COMPLETE), line("a", STARTED), line("a", RECEIVED))) == [("a", COMPLETE)]


def test_a_request_whose_last_stage_never_comes_is_told_at_the_end() -> None:
    assert joined(line("a", RECEIVED), flush=False) == []
    assert told(joined(line("a", RECEIVED))) == [("a", RECEIVED)]


def test_a_wait_ends_by_the_clock_of_the_log() -> None:
    ended = joined(line("a", RECEIVED, 0), line("b", COMPLETE, 59), line("c", COMPLETE, 61), line("a", COMPLETE, 62), flush=False)
    assert told(ended) == [("b", COMPLETE), ("c", COMPLETE), ("a", RECEIVED)]
    assert "told already" in ended[-1].filtered


def test_no_more_wait_than_are_allowed_to() -> None:
    ended = joined(*(line(f"r{number}", RECEIVED) for number in range(5)), flush=False, max_waiting=3)
    assert told(ended) == [("r0", RECEIVED), ("r1", RECEIVED)]


def test_the_same_last_stage_twice_is_two_requests() -> None:
    """Logs with ids made up or taken out say the same id of every request."""
    assert told(joined(line("x", COMPLETE), line("x", COMPLETE))) == [("x", COMPLETE)] * 2


def test_a_list_ends_when_the_last_of_its_requests_is_decided() -> None:
    first = batch(audit("a", COMPLETE), audit("b", RECEIVED), audit("c", RECEIVED))
    ended = joined(first, line("b", COMPLETE), flush=False)
    assert told(ended) == [("b", COMPLETE)]
    ended = joined(first, line("b", COMPLETE), line("c", COMPLETE), flush=False)
    assert told(ended) == [("b", COMPLETE), ("a", COMPLETE), ("c", COMPLETE)]


def test_both_stages_in_one_list_are_one_event() -> None:
    assert told(joined(batch(audit("a", RECEIVED), audit("a", COMPLETE)), flush=False)) == [("a", COMPLETE)]


def test_lines_without_an_id_are_told_each_by_itself() -> None:
    bare = b'{"kind":"Event","verb":"get","stage":"RequestReceived"}'
    assert [len(each.events) for each in joined(bare, bare, flush=False)] == [1, 1]


def test_a_line_that_the_runtime_cut_is_put_together() -> None:
    text = line("long", COMPLETE)
    pieces = [b"2024-03-07T10:00:01.1Z stdout P " + text[:50], b"2024-03-07T10:00:01.1Z stderr F {}",
              b"2024-03-07T10:00:01.1Z stdout P " + text[50:90], b"2024-03-07T10:00:01.1Z stdout F " + text[90:]]  # fmt: skip
    ended = joined(*pieces, flush=False)
    assert told(ended) == [("long", COMPLETE)]
    assert [record.offset for record in ended[-1].records] == [0, 2, 3]
    (cut,) = joined(*pieces[:1])
    assert "no JSON" in cut.bad


_lines = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from([RECEIVED, STARTED, COMPLETE, PANIC]), st.integers(0, 200)), max_size=40
)


@settings(max_examples=200, deadline=None)
@given(lists=st.lists(_lines, max_size=8), bound=st.integers(1, 4))
def test_each_record_ends_once_and_each_request_is_told(lists: list[list[tuple[str, str, int]]], bound: int) -> None:
    ended = joined(*(batch(*(audit(*each) for each in events)) for events in lists), max_waiting=bound)
    ends = Counter(record.offset for each in ended for record in each.records)
    assert ends == Counter(range(len(lists)))
    assert {audit_id for audit_id, _ in told(ended)} == {audit_id for events in lists for audit_id, _, _ in events}
    assert all(bool(each.events) + bool(each.filtered) + bool(each.bad) == 1 for each in ended)


@settings(max_examples=200, deadline=None)
@given(order=st.permutations([(name, stage) for name in "abc" for stage in (RECEIVED, STARTED, COMPLETE)]), chosen=st.data())
def test_any_order_of_the_stages_counts_each_request_once(order: list[tuple[str, str]], chosen: st.DataObject) -> None:
    kept = [each for each in order if chosen.draw(st.booleans())]
    found = Counter(name for name, _ in told(joined(*(line(name, stage) for name, stage in kept))))
    assert found == Counter({name: 1 for name, _ in kept})
