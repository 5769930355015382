"""Which records become one event, and when."""

from __future__ import annotations

from logsentry_auditd.source import Auditd

from logsentry.sdk import Event, Joined, Record


def line(kind: str, serial: int, rest: str = "", time: str = "100.000", node: str = "") -> str:
    return f"{f'node={node} ' if node else ''}type={kind} msg=audit({time}:{serial}): {rest}"


def feed(lines: list[str], **config: object) -> tuple[list[list[Joined]], list[Joined]]:
    joiner = Auditd(Auditd.Config(**config)).joiner()
    records = [Record(text.encode(), "x", "x", at, {}) for at, text in enumerate(lines)]
    return [list(joiner.feed(record)) for record in records], list(joiner.flush())


def events(done: list[Joined]) -> list[Event]:
    return [event for joined in done for event in joined.events]


CALL = "arch=c000003e syscall=59 success=yes exit=0 items=1 pid=7 uid=0 auid=0 ses=3"


def test_an_event_ends_at_its_end_mark_and_holds_all_its_records() -> None:
    steps, rest = feed(
        [line("SYSCALL", 1, CALL), line("CWD", 1, 'cwd="/root"'), line("PATH", 1, 'item=0 name="/x"'), line("EOE", 1)]
    )
    assert [len(done) for done in steps] == [0, 0, 0, 1]
    assert rest == []
    [joined] = steps[-1]
    assert len(joined.records) == 4
    assert joined.events[0].fields["process.working_directory"] == "/root"
    assert joined.events[0].original.count(b"\n") == 3


def test_the_title_ends_an_event_once_all_that_was_announced_is_there() -> None:
    title = line("PROCTITLE", 1, "proctitle=7368")
    path = line("PATH", 1, 'item=0 name="/x"')
    assert [len(done) for done in feed([line("SYSCALL", 1, CALL), path, title])[0]] == [0, 0, 1]
    steps, rest = feed([title, line("SYSCALL", 1, CALL), path])
    assert [len(done) for done in steps] == [0, 0, 0]
    assert len(rest) == 1
    assert len(rest[0].records) == 3
    steps, _ = feed([line("SYSCALL", 1, CALL), path, title, line("EOE", 1)])
    assert steps[-1][0].filtered


def test_interleaved_events_of_two_nodes_with_equal_serials_are_never_mixed() -> None:
    lines = [line("SYSCALL", 1, CALL, node=node) for node in ("a", "b")] + [
        line("CWD", 1, f'cwd="/{node}"', node=node) for node in ("b", "a")
    ]
    _, rest = feed(lines)
    assert [(e.fields["host.name"], e.fields["process.working_directory"]) for e in events(rest)] == [("a", "/a"), ("b", "/b")]


def test_a_record_of_its_own_is_an_event_at_once() -> None:
    steps, rest = feed(
        [line("SYSCALL", 1, CALL), line("USER_LOGIN", 2, "pid=1 uid=0 auid=5 msg='op=login acct=\"x\" res=failed'")]
    )
    assert [e.fields["event.action"] for e in events(steps[1])] == ["logged-in"]
    assert len(rest) == 1


def test_an_event_without_an_end_is_closed_by_time_by_serials_and_by_count() -> None:
    others = [line("USER_ACCT", 2 + at, "pid=1", time="103.000") for at in range(10)]
    assert any(
        e.fields["event.action"] == "executed" for done in feed([line("SYSCALL", 1, CALL), *others])[0] for e in events(done)
    )
    jump = [line("USER_ACCT", 200 + at, "pid=1") for at in range(10)]
    assert feed([line("SYSCALL", 1, CALL), *jump])[1] == []
    near = [line("USER_ACCT", 2 + at, "pid=1") for at in range(10)]
    assert len(feed([line("SYSCALL", 1, CALL), *near])[1]) == 1
    elsewhere = [line("USER_ACCT", 2 + at, "pid=1", node="other") for at in range(10)]
    assert len(feed([line("SYSCALL", 1, CALL), *elsewhere])[1]) == 1
    assert feed([line("SYSCALL", 1, CALL), *elsewhere], records=10)[1] == []


def test_serials_that_begin_again_close_nothing_too_early() -> None:
    last = (1 << 32) - 1
    steps, rest = feed(
        [line("SYSCALL", last, CALL), *[line("USER_ACCT", at, "pid=1") for at in range(9)], line("CWD", last, 'cwd="/"')]
    )
    assert all(len(joined.records) == 1 for done in steps for joined in done)
    assert [len(joined.records) for joined in rest] == [2]


def test_lines_that_are_no_records_end_alone_and_a_rule_ends_what_is_open() -> None:
    steps, rest = feed(["# comment", "", "time->Sun Jan 28 2007", "nonsense", line("SYSCALL", 1, CALL), "----"])
    assert [bool(done[0].filtered) for done in steps[:3]] == [True] * 3
    assert steps[3][0].bad
    assert [len(events(done)) for done in steps[4:]] == [0, 1]
    assert rest == []


def test_equal_events_in_other_places_have_other_ids_and_a_replay_the_same() -> None:
    lines = [line("SYSCALL", 1, CALL), line("EOE", 1)]
    [first], [second] = events(feed(lines)[0][1]), events(feed(["", *lines])[0][2])
    assert first.id == events(feed(lines)[0][1])[0].id
    assert first.id != second.id
