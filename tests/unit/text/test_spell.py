from __future__ import annotations

import json
import lzma
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import BundleRefused, UsageError
from logsentry.text import snapshots
from logsentry.text.lcsmap import REST
from logsentry.text.masks import Mask
from logsentry.text.spell import SpellConfig, SpellMiner
from logsentry.text.templates import Template, TemplateConfig, TemplateMiner

LINES = st.lists(st.lists(st.sampled_from("pqrstuv"), max_size=7).map(" ".join), max_size=20)
CONFIGS = st.builds(
    SpellConfig,
    tau=st.sampled_from([0.3, 0.5, 0.8]),
    keep=st.sampled_from([0.0, 0.5]),
    max_clusters=st.sampled_from([3, 1000]),
    max_words=st.sampled_from([4, 256]),
)


@pytest.fixture
def miner() -> SpellMiner:
    return SpellMiner(SpellConfig(masks=(Mask(r"\d+", "NUM"),)))


def learned(config: SpellConfig, lines: list[str]) -> tuple[SpellMiner, list[int]]:
    miner = SpellMiner(config)
    return miner, [miner.add(line) for line in lines]


def test_lines_of_different_lengths_share_a_template(miner: SpellMiner) -> None:
    first = miner.add("user root logged in from 10 ok")
    assert miner.add("user anna logged in from 77 ok") == first
    assert miner.add("user anna maria logged in from 7 ok") == first
    assert miner.add("disk full") != first
    assert miner.template(first) == "user <*> logged in from <NUM> ok"
    assert miner.templates() == [Template(1, "user <*> logged in from <NUM> ok", 3), Template(2, "disk full", 1)]


def test_the_example_of_the_paper() -> None:
    """Du and Li's lines: one word differs, and it becomes the parameter."""
    miner = SpellMiner(SpellConfig())
    assert miner.add("Temperature (41C) exceeds warning threshold") == miner.add("Temperature (43C) exceeds warning threshold")
    assert miner.add("Command has completed successfully") == 2
    assert [template.text for template in miner.templates()] == [
        "Temperature <*> exceeds warning threshold",
        "Command has completed successfully",
    ]


def test_the_longest_common_subsequence_decides_and_then_the_fewest_words() -> None:
    miner, _ = learned(SpellConfig(keep=0.0), ["a b c d e f", "a b c x y z g h", "a b c x"])
    assert miner.template(2) == "a b c x <*>"
    assert miner.add("a b c x e f") == 2  # contained, though the first has five words in common
    assert miner.add("a b c q e f") == 1


def test_match_learns_nothing(miner: SpellMiner) -> None:
    miner.add("user root logged in")
    before = miner.snapshot()
    assert [miner.match("user root logged in"), miner.match("user anna logged in"), miner.match("")] == [1, None, None]
    assert miner.snapshot() == before


def test_match_sees_what_was_added_since(miner: SpellMiner) -> None:
    miner.add("user root logged in")
    assert miner.match("user anna logged in") is None
    miner.add("user anna logged in")
    assert miner.match("user otto logged in") == 1


def test_match_allows_other_words_in_gaps_only(miner: SpellMiner) -> None:
    miner.add("user root logged in")
    miner.add("user anna logged in")
    asked = ["user a b logged in", "user logged in", "user a logged in twice", "now user a logged in", "user a in logged"]
    assert [miner.match(line) for line in asked] == [1, 1, None, None, None]


def test_match_holds_lines_to_a_length() -> None:
    miner, _ = learned(SpellConfig(keep=0.0), ["of a b c d e f", "of", "of a b"])
    assert miner.template(1) == "of <*>"
    assert miner.match("of 1 2 3 4 5 6") == 1  # as long as its longest line
    assert miner.match("of 1 2 3 4 5 6 7") is None


@given(CONFIGS, LINES)
def test_a_line_that_made_or_joined_a_template_matches_one(config: SpellConfig, lines: list[str]) -> None:
    miner, ids = learned(config, lines)
    for line, cluster in zip(lines, ids, strict=True):
        assert cluster == REST or miner.match(line) is not None
    if config.max_words == 256:  # else a template's text, whose gaps are tokens too, may be cut as a long line is
        assert all(miner.match(template.text) is not None for template in miner.templates())


@given(CONFIGS, LINES, LINES)
def test_one_snapshot_gives_one_set_of_answers(config: SpellConfig, lines: list[str], more: list[str]) -> None:
    miner, _ = learned(config, lines)
    data = miner.to_bytes()
    again = SpellMiner.from_snapshot(json.loads(data))
    assert again.config == miner.config
    assert again.to_bytes() == data
    assert [again.match(line) for line in more] == [miner.match(line) for line in more]
    assert again.to_bytes() == data
    assert [again.add(line) for line in more] == [miner.add(line) for line in more]
    assert again.templates() == miner.templates()
    assert again.to_bytes() == miner.to_bytes()


@given(CONFIGS, LINES)
def test_what_is_remembered_changes_no_answer(config: SpellConfig, lines: list[str]) -> None:
    miner, forgetful = SpellMiner(config), SpellMiner(config, held_bytes=0)
    for line in [*lines, *lines]:
        assert miner.match(line) == forgetful.match(line)
        assert miner.add(line) == forgetful.add(line)
    assert not forgetful._joined
    assert miner.snapshot() == forgetful.snapshot()


def test_what_it_keeps_is_bounded() -> None:
    miner = SpellMiner(SpellConfig(), held_bytes=20_000)
    for number in range(1_000):
        miner.add(f"a b c {'x ' * (number % 3)}node{number % 170}")
        miner.match(f"a b c {'x ' * (number % 3)}node{number % 170}")
        assert miner._joined.held <= 20_000
        assert miner._matched.held <= 20_000


def test_full_templates_take_no_new_kind_of_line() -> None:
    miner, ids = learned(SpellConfig(max_clusters=2), ["a b", "c d", "e f", "a x", "e f", "g", ""])
    assert ids == [1, 2, REST, 1, REST, REST, REST]
    assert [template.size for template in miner.templates()] == [2, 1]
    assert miner.template(REST) == "<*>"
    assert miner.match("e f") is None


def test_the_end_of_a_long_line_is_a_gap() -> None:
    miner, ids = learned(SpellConfig(max_words=3), ["a b c d", "a b c e f", "a b c"])
    assert ids == [1, 1, 1]
    assert miner.template(1) == "a b c <*>"


def test_delimiters_split_words() -> None:
    miner = SpellMiner(SpellConfig(delimiters=("/", "?")))
    assert miner.template(miner.add("GET /shop/cart?id=1")) == "GET shop cart id=1"


def test_a_share_that_is_just_reached_is_enough() -> None:
    """0.55 * 20 is 11.000000000000002 in floating point."""
    words = [f"w{n}" for n in range(20)]
    assert learned(SpellConfig(tau=0.55, keep=0.0), [" ".join(words), " ".join(words[:11] + ["x"] * 9)])[1] == [1, 1]


def test_an_unknown_template_is_an_error(miner: SpellMiner) -> None:
    miner.add("a")
    for wrong in (2, -1):
        with pytest.raises(UsageError, match=f"no template {wrong} among the 1"):
            miner.template(wrong)


@pytest.mark.parametrize(
    "wrong", [{"tau": 0.0}, {"tau": 1.5}, {"keep": -1.0}, {"max_clusters": 0}, {"max_words": 0}, {"delimiters": ("",)}]
)
def test_settings_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SpellMiner(msgspec.structs.replace(SpellConfig(), **wrong))


def test_half_a_surrogate_pair_survives() -> None:
    miner, _ = learned(SpellConfig(), ["bad \udcff byte"])
    assert SpellMiner.from_bytes(miner.to_bytes()).template(1) == "bad \udcff byte"


def test_an_edited_snapshot_is_refused(miner: SpellMiner) -> None:
    miner.add("a b")
    snapshot = miner.snapshot()
    snapshot["clusters"][0][0] += 1
    with pytest.raises(BundleRefused, match="does not fit its digest"):
        SpellMiner.from_snapshot(snapshot)


def test_the_other_parsers_snapshot_is_refused(miner: SpellMiner) -> None:
    with pytest.raises(BundleRefused, match="Spell snapshot is not what"):
        SpellMiner.from_snapshot(TemplateMiner(TemplateConfig()).snapshot())
    with pytest.raises(BundleRefused, match="not what this version writes"):
        TemplateMiner.from_snapshot(miner.snapshot())


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"clusters": [[1, 1, 1]]}, "not what this version writes"),
        ({"parser": "drain"}, "not what this version writes"),
        ({"config": {"tau": 0}}, "not what this version writes"),
        ({"clusters": [[1, 1, 1, ["a"]], [1, 1, 1, ["a", "<*>"]]]}, "two templates of the same words"),
    ],
)
def test_a_sealed_snapshot_of_another_shape_is_refused(miner: SpellMiner, changed: dict[str, Any], text: str) -> None:
    content = {**snapshots.unseal(miner.snapshot()), **changed}
    with pytest.raises(BundleRefused, match=text):
        SpellMiner.from_snapshot(snapshots.seal(content))


@pytest.mark.data
def test_real_lines_all_match_and_their_templates_are_few(data: Path) -> None:
    with lzma.open(data / "loganomaly" / "hdfs_raw_2pct" / "HDFS_2pct.log.xz", "rt", encoding="utf-8", newline="\n") as raw:
        lines = [line.rstrip("\n").split(None, 5)[-1] for line in islice(raw, 20_000)]
    miner, ids = learned(SpellConfig(), lines)
    frozen = SpellMiner.from_bytes(miner.to_bytes())
    answers = [frozen.match(line) for line in lines]
    assert None not in answers
    assert REST not in ids
    assert sum(template.size for template in miner.templates()) == 20_000
    assert 5 < len(set(answers)) < 60
