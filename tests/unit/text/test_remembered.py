from __future__ import annotations

from logsentry.text.remembered import Remembered


def test_it_answers_like_a_dict() -> None:
    table: Remembered[str, int] = Remembered(100_000)
    table.keep("a", 1, 10)
    table.keep("a", 2, 10)
    assert (table.get("a"), table.get("b"), len(table)) == (2, None, 1)


def test_it_never_holds_more_than_its_bound() -> None:
    table: Remembered[int, str] = Remembered(100_000)
    for key in range(5_000):
        table.keep(key, "x", 300)
        assert table.held == 500 * len(table) <= 100_000
        assert table[key] == "x"


def test_a_text_too_long_for_its_share_is_not_kept() -> None:
    table: Remembered[str, int] = Remembered(100_000)
    table.keep("short", 1, 10)
    table.keep("long", 2, 50_000)
    assert dict(table) == {"short": 1}


def test_cleared_it_has_room_again() -> None:
    table: Remembered[str, int] = Remembered(100_000)
    table.keep("a", 1, 10)
    table.clear()
    assert (table.held, len(table)) == (0, 0)
