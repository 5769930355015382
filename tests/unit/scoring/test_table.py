"""The table of judged windows: bounded, least recently used first out."""

from __future__ import annotations

from logsentry.scoring.table import Table


def key(name: str) -> tuple[str, str, bytes]:
    return "digest", "policy", name.encode()


def test_the_least_recently_used_goes_first() -> None:
    table: Table[int] = Table(2)
    table.put(key("a"), 1)
    table.put(key("b"), 2)
    assert table.get(key("a")) == 1
    table.put(key("c"), 3)
    assert (table.get(key("a")), table.get(key("b")), table.get(key("c"))) == (1, None, 3)
    assert (table.hits, table.misses, len(table)) == (3, 1, 2)


def test_a_size_of_zero_remembers_nothing() -> None:
    table: Table[int] = Table(0)
    table.put(key("a"), 1)
    assert table.get(key("a")) is None
    assert len(table) == 0


def test_another_bundle_or_policy_is_another_window() -> None:
    table: Table[int] = Table(9)
    table.put(("one", "stride 2", b"ids"), 1)
    assert table.get(("two", "stride 2", b"ids")) is None
    assert table.get(("one", "stride 3", b"ids")) is None
