"""The domain filter: which words it writes, in which places, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.schema.event import Event, Value
from logsentry.schema.profile import Field, Profile, Windowing
from logsentry.stages import filters
from logsentry.stages.filters import DomainFilter


def profile(*fields: Field) -> Profile:
    return Profile(fields=fields, windows=Windowing())


def event(**fields: Value) -> Event:
    return Event(id="0" * 32, time=None, source="test", fields=dict(fields), message="m", original=b"o")


def test_fields_in_the_profiles_order_each_through_its_normalizers() -> None:
    filtered = DomainFilter(profile(Field("b", ("lower", "number")), Field("a", ("ip-class",)), Field("c")))
    assert filtered.line(event(a="10.0.0.1", b="PORT 80", c=True)) == "port_<number> <private> true"


def test_absent_fields_stand_as_the_profile_says_or_are_left_out() -> None:
    filtered = DomainFilter(profile(Field("a", absent="<none>"), Field("b"), Field("c", absent="no c")))
    assert filtered.line(event()) == "<none> no_c"
    assert filtered.line(event(a="", b="x")) == "<none> x no_c"


def test_members_of_a_list_are_normalized_each_by_itself() -> None:
    filtered = DomainFilter(profile(Field("a", ("ip-class",)), Field("b", absent="<none>")))
    assert filtered.line(event(a=["10.0.0.1", "8.8.8.8"], b=[])) == "<private>,<public> <none>"
    assert filtered.line(event(a=[1, 2])) == "1,2 <none>"


def test_numbers_and_their_texts_are_the_same_word() -> None:
    filtered = DomainFilter(profile(Field("a")))
    assert [filtered.line(event(a=value)) for value in (1, "1", True, "true", 1.5, 0)] == ["1", "1", "true", "true", "1.5", "0"]


def test_an_unknown_normalizer_is_named_with_the_nearest() -> None:
    with pytest.raises(
        UsageError, match=r"field url\.path names the normalizer 'percent_decode'.*did you mean 'percent-decode'\?"
    ):
        DomainFilter(profile(Field("url.path", ("percent_decode",))))
    with pytest.raises(UsageError, match="known: agent-class, "):
        DomainFilter(profile(Field("a", ("zzz",))))


def test_kept_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "_KEPT_VALUES", 8)
    filtered = DomainFilter(profile(Field("a", ("number",))))
    assert {filtered.line(event(a=f"x{number} {number}")) for number in range(100)} == {
        f"x{number}_<number>" for number in range(100)
    }
    assert len(filtered._columns[0].kept) <= 8
    assert filtered.line(event(a="y" * 10_000)) == "y" * 10_000
    assert "y" * 10_000 not in filtered._columns[0].kept


VALUES = st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.lists(st.text(max_size=8), max_size=4)


@settings(max_examples=200, deadline=None)
@given(a=VALUES, b=VALUES)
def test_a_line_has_one_word_for_each_field(a: Value, b: Value) -> None:
    filtered = DomainFilter(profile(Field("a", ("lower",), "<none>"), Field("missing", (), "<none>"), Field("b", (), "<none>")))
    first = filtered.line(event(a=a, b=b))
    assert len(first.split()) == 3
    assert first.split()[1] == "<none>"
    assert filtered.line(event(a=a, b=b)) == first, "a kept value gives the word that it gave at first"
