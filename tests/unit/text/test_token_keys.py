from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from logsentry.errors import BundleRefused, TrainingError, UsageError
from logsentry.pipeline.build import make_files, make_source
from logsentry.schema.event import Event
from logsentry.schema.window import Window
from logsentry.sdk import BadRecord, Filtered, Source
from logsentry.stages.filters import DomainFilter
from logsentry.text.bpe import Bpe
from logsentry.text.token_keys import GivenIds, TokenConfig, TokenKeys, tokenizer_from_json
from logsentry.text.vocabulary import UNK
from logsentry.text.whitespace import Whitespace

GOLDEN = Path(__file__).parents[2] / "golden"
LOGS = {
    "speakeasy": "*.report", "speakeasy-tokens": "*.jsonl", "http-access": "*.log", "sysmon": "*.xml", "auditd": "*.log",
    "kube-audit": "*.log",
}  # fmt: skip
LINES = ("http-access", "sysmon", "auditd", "kube-audit")
WORDS = TokenConfig(tokenizer="whitespace")


def events_of(source: Source) -> list[Event]:
    """The golden events of a source."""
    found: list[Event] = []
    input_ = make_files([str(log) for log in sorted((GOLDEN / source.name).rglob(LOGS[source.name]))], source)
    for record in input_.read():
        try:
            decoded = source.decode(record) if record is not None else Filtered("idle")
        except BadRecord:  # golden files hold broken records on purpose
            continue
        found += [] if isinstance(decoded, Filtered) else decoded
    input_.close()
    assert len(found) >= 2
    return found


def learned(name: str, config: TokenConfig = WORDS, limit: int = 0) -> tuple[TokenKeys, list[Event]]:
    source = make_source(name)
    events = events_of(source)
    return TokenKeys.learn(source.profile, events, config, limit), events


def row(ids: list[int], source: str = "speakeasy-tokens") -> Event:
    fields: dict[str, Any] = {"tokens.ids_count": len(ids), **({"tokens.ids": ids} if ids else {})}
    return Event("0" * 32, None, source, fields, "a row", b"")


def window(*events: Event) -> Window:
    return Window("key", events)


def test_a_report_is_read_as_the_text_that_its_source_makes() -> None:
    keys, events = learned("speakeasy")
    text = make_source("speakeasy").text  # type: ignore[attr-defined]
    for event in events:
        words = text.tokens(event.original)
        assert [keys.text(token) for token in keys.encode(window(event))] == words.split()
        assert keys.line(event) == words


@pytest.mark.parametrize("name", LINES)
def test_windows_of_other_sources_are_their_lines_joined_by_blanks(name: str) -> None:
    keys, events = learned(name)
    line = DomainFilter(keys.profile).line
    words = " ".join(line(event) for event in events).split()
    assert [keys.text(token) for token in keys.encode(window(*events))] == [
        word if len(word) <= 256 else "<unk>" for word in words
    ]
    assert keys.line(events[0]) == line(events[0])


@pytest.mark.parametrize("name", LOGS)
def test_places_name_the_event_of_each_id(name: str) -> None:
    keys, events = learned(name)
    ids, places = keys.encode(window(*events[:5])), keys.places(window(*events[:5]))
    assert len(ids) == len(places)
    for place, event in enumerate(events[:5]):
        mine = tuple(token for token, where in zip(ids, places, strict=True) if where == place)
        assert (mine or (UNK,)) == keys.encode(window(event))


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("config", [WORDS, TokenConfig(size=900)], ids=lambda config: config.tokenizer)
def test_through_the_json_of_a_bundle(name: str, config: TokenConfig) -> None:
    keys, events = learned(name, config, limit=40)
    saved = orjson.dumps(keys.to_json(), option=orjson.OPT_SORT_KEYS)
    again = TokenKeys.from_json(orjson.loads(saved))
    assert orjson.dumps(again.to_json(), option=orjson.OPT_SORT_KEYS) == saved
    assert len(again.vocabulary) == len(keys.vocabulary) <= 50_000
    whole = window(*events)
    assert again.encode(whole) == keys.encode(whole)
    assert again.profile == keys.profile


@pytest.mark.parametrize("name", ["speakeasy", "http-access"])
def test_the_limit_cuts_after_the_first_ids(name: str) -> None:
    whole, events = learned(name)
    everything = window(*events)
    for limit in (1, 7, 30):
        cut = TokenKeys(whole.profile, whole.tokenizer, whole.reading, limit)
        assert cut.encode(everything) == whole.encode(everything)[:limit]
        assert cut.places(everything) == whole.places(everything)[:limit]


def test_the_options_of_the_source_travel_with_the_keys() -> None:
    """Which parts of a report were read, defaults too: a later default must not change what an old bundle reads."""
    only_calls = {"text": {"parts": [{"section": "apis", "fields": [["api_name", "name"]]}]}}
    keys, events = learned("speakeasy", TokenConfig(tokenizer="whitespace", source_options=only_calls))
    assert keys.reading.options["max_report_bytes"] == 64 << 20
    whole, _ = learned("speakeasy")
    assert len(keys.vocabulary) < len(whole.vocabulary)
    assert len(whole.reading.options["text"]["parts"]) == 5
    again = TokenKeys.from_json(keys.to_json())
    assert again.encode(window(events[0])) == keys.encode(window(events[0])) != whole.encode(window(events[0]))


def test_ids_as_given() -> None:
    keys = TokenKeys.learn(make_source("speakeasy-tokens").profile, [row([7, 3, 9]), row([])])
    assert len(keys.vocabulary) == 10
    assert keys.encode(window(row([9, 7, 7]))) == (9, 7, 7)
    assert keys.encode(window(row([10, 2**31, 9]))) == (UNK, UNK, 9)
    assert keys.encode(window(row([0, 5, 0, 0]))) == (5,)
    assert keys.encode(window(row([]))) == (UNK,)
    assert keys.line(row([9, 1])) == "token 9 <unk>"


def test_given_ids_may_have_names() -> None:
    names = ("<pad>", "<unk>", "<mask>", "kernel32.getprocaddress", "0x0")
    keys = TokenKeys.learn(make_source("speakeasy-tokens").profile, [row([3])], TokenConfig(names=names))
    assert (len(keys.vocabulary), keys.line(row([3, 4]))) == (5, "kernel32.getprocaddress 0x0")
    assert TokenKeys.from_json(keys.to_json()).text(4) == "0x0"


def test_keys_of_a_text_take_given_ids_too() -> None:
    keys, events = learned("speakeasy")
    ids = keys.encode(window(events[0]))
    assert keys.encode(window(row(list(ids)))) == ids


def test_ids_with_names_may_read_the_texts_that_they_were_made_of() -> None:
    words = ("<pad>", "<unk>", "<mask>", "apis", "kernel32.sleep", "<ret_val>", "0x80")
    calls = {"section": "apis", "fields": [["api_name", "call"], ["ret_val", "returned"]], "header": "apis"}
    text = {"parts": [calls], "returned": ["0x80"]}
    config = TokenConfig(names=words, reads="speakeasy", source_options={"text": text})
    profile = make_source("speakeasy-tokens").profile
    keys = TokenKeys.from_json(TokenKeys.learn(profile, [row([3, 4, 6])], config).to_json())
    apis = [{"api_name": "KERNEL32.Sleep", "args": [], "ret_val": value} for value in ("0x80", None, "0x81")]
    report = orjson.dumps([{"ep_type": "module_entry", "apis": [*apis, {"api_name": "a.b", "args": [], "ret_val": "0x80"}]}])
    assert keys.encode(window(Event("0" * 32, None, "speakeasy", {}, "", report))) == (3, 4, 6, 4, 5, 4, 5, UNK, 6)
    assert keys.encode(window(row([4, 7]))) == (4, UNK)
    with pytest.raises(UsageError, match="where every id has a name: 7 of 10 have one"):
        TokenKeys.learn(profile, [row([9])], config)


def test_given_ids_cannot_read_a_text() -> None:
    keys = TokenKeys.learn(make_source("speakeasy-tokens").profile, [row([7])])
    with pytest.raises(UsageError, match="a text cannot be read with them"):
        keys.encode(window(Event("0" * 32, None, "speakeasy", {}, "", b"[]")))


def test_texts_of_one_source_say_nothing_of_another() -> None:
    keys, _ = learned("speakeasy")
    with pytest.raises(UsageError, match="texts of speakeasy, and the event is of auditd"):
        keys.encode(window(Event("0" * 32, None, "auditd", {}, "", b"")))


def test_what_cannot_be_learned_from() -> None:
    profile = make_source("speakeasy-tokens").profile
    with pytest.raises(TrainingError, match="no words"):
        TokenKeys.learn(profile, [])
    with pytest.raises(TrainingError, match="train on one kind"):
        TokenKeys.learn(profile, [row([1]), Event("0" * 32, None, "auditd", {}, "", b"")])
    with pytest.raises(TrainingError, match="token id 2,147,483,647"):
        TokenKeys.learn(profile, [row([2**31 - 1])])
    with pytest.raises(UsageError, match="source 'speakeasy'"):
        learned("speakeasy", TokenConfig(source_options={"nothing": 1}))


def change(saved: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(saved)), **parts}


def test_anything_else_is_refused() -> None:
    keys, _ = learned("speakeasy")
    saved = keys.to_json()
    for wrong in (
        {},
        change(saved, version=2),
        change(saved, kind="rules"),
        change(saved, limit=-1),
        change(saved, profile={}),
        change(saved, more=1),
        change(saved, tokenizer={"kind": "other"}),
        change(saved, tokenizer=[]),
        change(saved, reading={"source": "speakeasy", "options": {"gone": 1}}),
        change(saved, reading={"source": "auditd", "options": {}}),
    ):
        with pytest.raises(BundleRefused, match="the tokens"):
            TokenKeys.from_json(wrong)


@pytest.mark.parametrize(
    "saved",
    [
        {"kind": "given", "format": 1, "size": 2, "names": []},
        {"kind": "given", "format": 1, "size": 10**9, "names": []},
        {"kind": "given", "format": 2, "size": 9, "names": []},
        {"kind": "given", "format": 1, "size": 9},
    ],
)
def test_other_given_ids_are_refused(saved: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused, match="the given ids"):
        tokenizer_from_json(saved)


@pytest.mark.parametrize("token", [-1, 5])
def test_a_given_id_out_of_range_is_an_error(token: int) -> None:
    with pytest.raises(UsageError, match=f"token {token} is not among the 5"):
        GivenIds(5).text(token)


def test_each_kind_of_tokenizer_is_known_by_its_json() -> None:
    for tokenizer in (
        GivenIds(5),
        learned("http-access")[0].tokenizer,
        learned("http-access", TokenConfig(size=500))[0].tokenizer,
    ):
        assert type(tokenizer_from_json(tokenizer.to_json())) is type(tokenizer)
    assert {type(learned("speakeasy")[0].tokenizer), type(learned("speakeasy", TokenConfig(size=900))[0].tokenizer)} == {
        Whitespace,
        Bpe,
    }
