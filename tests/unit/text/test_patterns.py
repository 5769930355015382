from __future__ import annotations

import re

import pytest

from logsentry.text.patterns import Need, alike, need, simplified, told_apart

HEAD, TAIL = r"((?<=[^A-Za-z0-9])|^)", r"((?=[^A-Za-z0-9])|$)"


def test_the_classic_ends_are_replaced() -> None:
    assert simplified(HEAD + r"(\d+)" + TAIL) == r"(?<![A-Za-z0-9])(\d+)(?![A-Za-z0-9])"
    assert simplified(HEAD + r"\d+") == r"(?<![A-Za-z0-9])\d+"
    assert simplified(r"\d+" + TAIL) == r"\d+(?![A-Za-z0-9])"


@pytest.mark.parametrize("text", ["7", "7\n", "7\n\n", "\n7\n", "a7", "7a", "a 7\nb", "_7_", "é7é", "", "7 7", "77x 7"])
def test_the_replaced_ends_match_the_same_spans(text: str) -> None:
    pattern = HEAD + r"\d+" + TAIL
    expected = [match.span() for match in re.finditer(pattern, text)]
    assert [match.span() for match in re.finditer(simplified(pattern), text)] == expected


@pytest.mark.parametrize(
    "pattern",
    [
        HEAD + r"(\d)\2" + TAIL,  # a reference by number, which the exchange would shift
        HEAD + r"(\d)\1",  # a reference to the end itself, which would come to mean the digit
        HEAD + r"(?P<n>\d)(?P=n)" + TAIL,
        HEAD + r"a|b" + TAIL,  # each end belongs to one branch
        "(?m)" + HEAD + r"\d+" + TAIL,  # `^` and `$` mean other places
        r"(a\((?=[^A-Za-z0-9])|$)",  # ends in the same characters, and the parenthesis is escaped
        r"\d+",
    ],
)
def test_a_pattern_is_left_alone_where_nothing_is_proved(pattern: str) -> None:
    assert simplified(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"([0-9a-f]{2,}:){3,}", Need(9, ":", ((":", 3),))),
        (r"0x[0-9a-f]+", Need(3, "0x", ())),
        (r'(?<=executed cmd )(".+?")', Need(3, "executed cmd ", (('"', 2),))),
        (r"(?=ab)a", Need(1, "ab", ())),
        (r"a|b", Need(1, "", ())),
        (r"(?:ab)*c", Need(1, "c", ())),
        (r"(?i)abc", Need()),
        (r"(?i:a)bc", Need()),
        (r"(?!abc)d", Need(1, "d", ())),
    ],
)
def test_what_a_pattern_needs(pattern: str, expected: Need) -> None:
    assert need(pattern) == expected


def test_a_need_is_met_or_not() -> None:
    wanted = Need(4, "0x", ((":", 2),))
    assert wanted.met("0x::")
    assert not wanted.met("0x:")
    assert not wanted.met("0x:a")
    assert not wanted.met("0y::")


@pytest.mark.parametrize("pattern", [r"\d+", r"[0-9a-f]", r"[^0-9]x", r"\w.\s", r"(?<=a)[0123456789]", r"^a$", r"(?>a)b*+"])
def test_digits_that_a_pattern_treats_alike(pattern: str) -> None:
    assert told_apart(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "sets"),
    [
        (r"0x", ["0"]),
        (r"[^5]", ["5"]),
        (r"(a|[1-4b])", ["1234"]),
        (r"(?<!7)\d[^\d8]", ["7", "8"]),
        (r"(?:[0-3]+){2}", ["0123"]),
    ],
)
def test_digits_that_a_pattern_tells_apart(pattern: str, sets: list[str]) -> None:
    assert told_apart(pattern) == [frozenset(digits) for digits in sets]


@pytest.mark.parametrize("pattern", [r"(\d)\1", r"(?P<n>\d)(?P=n)", r"(\d)?(?(1)a|b)", r"(a|(\d)\2)"])
def test_nothing_is_proved_of_a_pattern_that_looks_back(pattern: str) -> None:
    assert told_apart(pattern) is None


def test_classes_of_digits() -> None:
    assert alike([]) == ["0123456789"]
    assert alike([frozenset("0")]) == ["0", "123456789"]
    assert alike([frozenset("012"), frozenset("23")]) == ["01", "2", "3", "456789"]
