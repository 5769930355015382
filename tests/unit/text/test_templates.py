from __future__ import annotations

import json
import lzma
import random
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from drain3.drain import LogClusterCache
from drain3.masking import MaskingInstruction
from drain3.template_miner import TemplateMiner as Drain3Miner
from drain3.template_miner_config import TemplateMinerConfig

from logsentry.errors import UsageError
from logsentry.text.masks import DRAIN3_README_MASKS, Mask
from logsentry.text.templates import Template, TemplateConfig, TemplateMiner

HEADER_FIELDS = {
    "hdfs_raw_2pct/HDFS_2pct.log.xz": 5,
    "bgl_100k/bgl2_100k.log.xz": 9,
    "thunderbird/tbird_20051115_19k.log.xz": 8,
}


def drain3_miner(config: TemplateConfig) -> Any:
    """drain3 itself with the same settings."""
    theirs = TemplateMinerConfig()
    theirs.masking_instructions = [MaskingInstruction(mask.pattern, mask.name) for mask in config.masks]
    theirs.drain_sim_th, theirs.drain_depth, theirs.drain_max_children = config.sim_th, config.depth, config.max_children
    theirs.drain_max_clusters, theirs.drain_extra_delimiters = config.max_clusters, config.delimiters
    return Drain3Miner(config=theirs)


def drain3_templates(peer: Any) -> list[Template]:
    clusters = sorted(peer.drain.clusters, key=lambda cluster: cluster.cluster_id)
    return [Template(cluster.cluster_id, cluster.get_template(), cluster.size) for cluster in clusters]


def wide_lines(width: int, more: int) -> list[str]:
    """Lines that make `width` clusters in one leaf, then lines that each belong to one of them."""
    chance = random.Random(width)
    words = ["".join(chance.choices("bcdfghklmnprstvw", k=5)) for _ in range(4000)]
    heads = [["service", "worker", *chance.choices(words, k=6)] for _ in range(width)]
    return [" ".join([*head, *chance.choices(words, k=3)]) for head in [*heads, *chance.choices(heads, k=more)]]


@pytest.fixture
def miner() -> TemplateMiner:
    return TemplateMiner(TemplateConfig(masks=(Mask(r"\d+", "NUM"),)))


def test_lines_that_differ_in_places_share_a_template(miner: TemplateMiner) -> None:
    first = miner.add("user root logged in from 10 ok")
    assert miner.add("user anna logged in from 77 ok") == first
    assert miner.add("disk full") != first
    assert miner.template(first) == "user <*> logged in from <NUM> ok"
    assert miner.templates() == [Template(1, "user <*> logged in from <NUM> ok", 2), Template(2, "disk full", 1)]


def test_match_learns_nothing(miner: TemplateMiner) -> None:
    miner.add("user root logged in")
    before = miner.snapshot()
    assert [miner.match("user root logged in"), miner.match("user anna logged in"), miner.match("")] == [1, None, None]
    assert miner.snapshot() == before


def test_match_sees_what_was_added_since(miner: TemplateMiner) -> None:
    miner.add("user root logged in")
    assert miner.match("user anna logged in") is None
    miner.add("user anna logged in")
    assert miner.match("user otto logged in") == 1


def test_delimiters_split_tokens() -> None:
    miner = TemplateMiner(TemplateConfig(delimiters=("/", "?")))
    assert miner.template(miner.add("GET /shop/cart?id=1")) == "GET shop cart id=1"


def test_short_lines_join_only_equal_ones_where_drains_authors_have_it_so() -> None:
    lines = ["lock a", "lock b", "lock a", "unlock the door now a", "unlock the door now b"]
    tree = TemplateMiner(TemplateConfig(depth=6, sim_th=0.2))
    by_text = TemplateMiner(TemplateConfig(depth=6, sim_th=0.2, short_by_text=True))
    assert [tree.add(line) for line in lines] == [1, 1, 1, 2, 2]
    assert [by_text.add(line) for line in lines] == [1, 2, 1, 3, 3]
    assert [by_text.match(line) for line in ("lock b", "lock c")] == [2, None]
    assert TemplateMiner.from_snapshot(by_text.snapshot()).match("lock b") == 2


def test_an_unknown_template_is_an_error(miner: TemplateMiner) -> None:
    miner.add("a")
    with pytest.raises(UsageError, match="no template 9 among the 1"):
        miner.template(9)


@pytest.mark.parametrize(
    "wrong",
    [{"depth": 2}, {"sim_th": 1.5}, {"max_children": 0}, {"max_clusters": 0}, {"leaf_width": 0}, {"delimiters": ("",)}],
)
def test_settings_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        TemplateMiner(msgspec.structs.replace(TemplateConfig(), **wrong))


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="sim_threshold"):
        msgspec.convert({"sim_threshold": 0.5}, TemplateConfig)


@pytest.mark.parametrize("max_clusters", [None, 40])
@pytest.mark.parametrize("width", [7, 8, 120])
def test_a_wide_leaf_is_drain3s(width: int, max_clusters: int | None) -> None:
    config = TemplateConfig(max_clusters=max_clusters)
    miner, peer = TemplateMiner(config), drain3_miner(config)
    lines = wide_lines(width, 400)
    assert [miner.add(line) for line in lines] == [peer.add_log_message(line)["cluster_id"] for line in lines]
    matched = [peer.match(line) for line in lines]
    assert [miner.match(line) for line in lines] == [cluster and cluster.cluster_id for cluster in matched]
    assert miner.templates() == drain3_templates(peer)


def test_between_equally_similar_clusters_of_a_wide_leaf_the_first_is_taken() -> None:
    miner, peer = TemplateMiner(TemplateConfig()), drain3_miner(TemplateConfig())
    lines = [" ".join(["s", "w", *(f"{letter}{number}" for letter in "pqrstuvx")]) for number in "abcdefghi"]
    tied = "s w pf qf rd sd - - - -"
    for line in lines:
        peer.add_log_message(line)
        miner.add(line)
    assert miner.add(tied) == peer.add_log_message(tied)["cluster_id"] == 4


def test_a_line_of_parameters_starts_a_cluster_each_time() -> None:
    miner, peer = TemplateMiner(TemplateConfig()), drain3_miner(TemplateConfig())
    ids = [miner.add("<*> <*> <*>") for _ in range(3)]
    assert ids == [peer.add_log_message("<*> <*> <*>")["cluster_id"] for _ in range(3)] == [1, 2, 3]


def test_a_full_leaf_takes_no_more_clusters() -> None:
    miner = TemplateMiner(TemplateConfig(leaf_width=20))
    for line in wide_lines(200, 50):
        assert 1 <= miner.add(line) <= 20
    assert len(miner.templates()) == 20
    assert sum(template.size for template in miner.templates()) == 250
    assert miner.add("another leaf altogether") == 21


def test_a_line_joins_the_most_similar_cluster_of_a_full_leaf() -> None:
    miner = TemplateMiner(TemplateConfig(leaf_width=2))
    assert [miner.add("a b c d e f"), miner.add("a p q r s t"), miner.add("a x q y z w")] == [1, 2, 2]
    assert miner.template(2) == "a <*> q <*> <*> <*>"


def test_leaf_width_wider_than_any_leaf_changes_nothing() -> None:
    lines = wide_lines(60, 100)
    bounded, free = TemplateMiner(TemplateConfig(leaf_width=1000)), TemplateMiner(TemplateConfig())
    assert [bounded.add(line) for line in lines] == [free.add(line) for line in lines]


def test_what_it_keeps_is_bounded() -> None:
    miner = TemplateMiner(TemplateConfig(), held_bytes=20_000)
    peer = drain3_miner(TemplateConfig())
    for number in range(1_000):
        line = f"a b c node{number % 170}"
        assert miner.add(line) == peer.add_log_message(line)["cluster_id"]
        assert miner.match(line) == peer.match(line).cluster_id
        assert miner._known.held <= 20_000
        assert miner._matched.held <= 20_000
    assert miner.templates() == drain3_templates(peer)


def test_answers_for_an_evicted_cluster_are_forgotten() -> None:
    config = TemplateConfig(max_clusters=2)
    miner, peer = TemplateMiner(config), drain3_miner(config)
    for line in ["a b", "a b", "c d", "c d", "a b", "e f g", "c d", "a b", "a b", "e f g", "c d"]:
        assert miner.match(line) == ((found := peer.match(line)) and found.cluster_id)
        assert miner.add(line) == peer.add_log_message(line)["cluster_id"]


def test_a_snapshot_goes_on_as_the_miner_would_have(miner: TemplateMiner) -> None:
    lines = wide_lines(30, 300)
    for line in lines[:150]:
        miner.add(line)
    again = TemplateMiner.from_snapshot(json.loads(json.dumps(miner.snapshot())))
    assert again.config == miner.config
    assert [again.match(line) for line in lines] == [miner.match(line) for line in lines]
    assert [again.add(line) for line in lines] == [miner.add(line) for line in lines]
    assert again.snapshot() == miner.snapshot()


def test_a_snapshot_keeps_the_order_of_use() -> None:
    miner = TemplateMiner(TemplateConfig(max_clusters=3))
    for line in ["a", "b b", "c c c", "a", "a"]:
        miner.add(line)
    again = TemplateMiner.from_bytes(miner.to_bytes())
    for one in (miner, again):
        one.add("d d d d")
        assert [template.text for template in one.templates()] == ["a", "c c c", "d d d d"]


def test_half_a_surrogate_pair_survives() -> None:
    miner = TemplateMiner(TemplateConfig())
    miner.add("bad \udcff byte")
    assert TemplateMiner.from_bytes(miner.to_bytes()).template(1) == "bad \udcff byte"


@pytest.mark.data
@pytest.mark.parametrize("max_clusters", [None, 12])
@pytest.mark.parametrize("log", HEADER_FIELDS)
def test_real_logs_give_what_drain3_gives(data: Path, log: str, max_clusters: int | None) -> None:
    config = TemplateConfig(masks=DRAIN3_README_MASKS, max_clusters=max_clusters)
    miner, peer = TemplateMiner(config), drain3_miner(config)
    if max_clusters is not None:
        assert isinstance(peer.drain.id_to_cluster, LogClusterCache)
    with lzma.open(data / "loganomaly" / log, "rt", encoding="utf-8", errors="surrogateescape", newline="\n") as raw:
        lines = [line.rstrip("\n").split(None, HEADER_FIELDS[log])[-1] for line in islice(raw, 8_000)]
    assert [miner.add(line) for line in lines] == [peer.add_log_message(line)["cluster_id"] for line in lines]
    matched = [peer.match(line) for line in lines]
    assert [miner.match(line) for line in lines] == [cluster and cluster.cluster_id for cluster in matched]
    assert miner.templates() == drain3_templates(peer)
