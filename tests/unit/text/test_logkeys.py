"""Log keys: learned once, then frozen, and the same after a trip through JSON."""

from __future__ import annotations

import orjson
import pytest

from logsentry.errors import BundleRefused
from logsentry.schema.event import Event
from logsentry.schema.profile import Field, Profile, Windowing
from logsentry.schema.window import Window
from logsentry.text.logkeys import LogKeys
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, UNK

PROFILE = Profile((Field("http.request.method"), Field("url.path", ("path-parameters",))), Windowing(), ("/",), similarity=0.8)


def event(method: str, path: str) -> Event:
    return Event(f"{method} {path}", 0, "test", {"http.request.method": method, "url.path": path}, "", b"")


LEARNED = [event("GET", f"/blog/{number}") for number in range(9)] + [event("GET", "/about")] * 3 + [event("PUT", "/once")]


@pytest.fixture
def keys() -> LogKeys:
    return LogKeys.learn(PROFILE, LEARNED)


def test_common_templates_are_keys_and_rare_ones_unknown(keys: LogKeys) -> None:
    blog, about, once, new = (keys.key(e) for e in [event("GET", "/blog/77"), LEARNED[-2], LEARNED[-1], event("GET", "/x/y/z")])
    assert blog == FIRST_KEY, "the commonest comes first"
    assert about == FIRST_KEY + 1
    assert once == new == UNK
    assert keys.text(blog) == "GET blog <number>"


def test_a_window_has_a_begin_and_an_end(keys: LogKeys) -> None:
    assert keys.encode(Window("k", (LEARNED[0], LEARNED[-1]))) == (BEGIN, FIRST_KEY, UNK, END)


def test_reading_changes_nothing_that_was_learned(keys: LogKeys) -> None:
    before = orjson.dumps(keys.to_json(), option=orjson.OPT_SORT_KEYS)
    for number in range(50):
        keys.key(event("POST", f"/new/{number}/{number}"))
    assert orjson.dumps(keys.to_json(), option=orjson.OPT_SORT_KEYS) == before


def test_json_and_back(keys: LogKeys) -> None:
    again = LogKeys.from_json(orjson.loads(orjson.dumps(keys.to_json())))
    assert [again.key(e) for e in LEARNED] == [keys.key(e) for e in LEARNED]
    assert again.profile == PROFILE
    assert again.to_json() == keys.to_json()


@pytest.mark.parametrize("part", ["version", "profile", "templates", "vocabulary"])
def test_a_damaged_snapshot_is_refused(keys: LogKeys, part: str) -> None:
    data = keys.to_json()
    data[part] = "?"
    with pytest.raises(BundleRefused):
        LogKeys.from_json(data)
    del data[part]
    with pytest.raises(BundleRefused):
        LogKeys.from_json(data)
