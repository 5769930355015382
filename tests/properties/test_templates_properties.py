"""The miner is drain3, whatever the lines, the settings and the order of learning, asking and saving."""

from __future__ import annotations

from typing import Any

import pytest
from drain3.masking import LogMasker, MaskingInstruction
from drain3.template_miner import TemplateMiner as Drain3Miner
from drain3.template_miner_config import TemplateMinerConfig
from hypothesis import assume, example, given
from hypothesis import strategies as st

from logsentry.text import drain
from logsentry.text.masks import DRAIN3_README_MASKS, Mask, Masker
from logsentry.text.templates import TemplateConfig, TemplateMiner

PATTERNS = [
    *(mask.pattern for mask in DRAIN3_README_MASKS),
    r"\d+", r"[0-9]{2}", r"[5-9]+", r"x*", r"(\d)\1", r"(?i)ab", r"7z", r"^a", r"\bcn\d+\b", r"(?<=b)\d",
    r"[^\d ]+\d", "<", r"0\d?|9",
    r"((?<=[^A-Za-z0-9])|^)x\d|y\d((?=[^A-Za-z0-9])|$)", r"(?:cn)+(?=7)", r"é+", r"\s+$",
]  # fmt: skip
# Short, since the first SEQ mask takes time that doubles every few characters on some lines.
texts = st.one_of(
    st.text(max_size=24),
    st.lists(
        st.sampled_from(
            ["cn4", "aa:bb:cc:dd", "10.0.0.1", "0x1f", "0x", "-7", "+12", "99", "ABCD EF01 2345 6789", 'executed cmd "', '"',
             " ", "\n", "%s", "<NUM>", "<*>", "é", "٣", "x", "ab", "7z", "b5", ":", ".", "_", "\udcff", "deadbe"]
        ),
        max_size=9,
    ).map("".join),
)  # fmt: skip
masks = st.lists(
    st.builds(Mask, st.sampled_from(PATTERNS), st.sampled_from(["NUM", "4", "0x", "%s", "", "x7z", "*"])), max_size=4
)
shifts = st.lists(st.permutations("0123456789"), max_size=4)


def drain3_miner(config: TemplateConfig) -> Any:
    theirs = TemplateMinerConfig()
    theirs.masking_instructions = [MaskingInstruction(mask.pattern, mask.name) for mask in config.masks]
    theirs.drain_sim_th, theirs.drain_depth, theirs.drain_max_children = config.sim_th, config.depth, config.max_children
    theirs.drain_max_clusters, theirs.drain_extra_delimiters = config.max_clusters, config.delimiters
    return Drain3Miner(config=theirs)


@given(masks, st.lists(texts, max_size=4), shifts)
@example(list(DRAIN3_README_MASKS), ["a 0x1f 22", "a 1x1f 22"], [list("1234567890")])
def test_masked_text_is_drain3s(chosen: list[Mask], lines: list[str], digits: list[list[str]]) -> None:
    masker = Masker(chosen)
    peer = LogMasker([MaskingInstruction(mask.pattern, mask.name) for mask in chosen], "<", ">")
    for line in lines:
        for table in [None, None, *digits]:  # a shape is learned when it comes again
            again = line if table is None else line.translate(str.maketrans("0123456789", "".join(table)))
            assert masker(again) == peer.mask(again)


words = st.sampled_from(["a", "b", "c", "d", "a/b", "<*>", "7", "x9", "10.0.0.1", "<NUM>", "0x1f"])
lines = st.lists(words, max_size=6).map(" ".join)
steps = st.lists(st.tuples(st.sampled_from(["add", "add", "add", "match", "save"]), lines), max_size=60)
configs = st.builds(
    TemplateConfig,
    masks=st.sampled_from([(), DRAIN3_README_MASKS, (Mask("[a-c]", "L"),)]),
    depth=st.integers(3, 6),
    sim_th=st.sampled_from([0.0, 0.2, 0.4, 0.5, 2 / 3, 0.9, 1.0]),
    max_children=st.integers(1, 4),
    max_clusters=st.none() | st.integers(1, 6),
    delimiters=st.sampled_from([(), ("/",), (".", "0x")]),
)


@given(configs, steps, st.sampled_from([1, 2, 8]), st.sampled_from([1 << 20, 40_000]))
def test_ids_sizes_and_templates_are_drain3s(config: TemplateConfig, steps: list[tuple[str, str]], wide: int, held: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drain, "WIDE", wide)
        miner, peer = TemplateMiner(config, held), drain3_miner(config)
        for step, line in steps:
            if step == "add":
                assert miner.add(line) == peer.add_log_message(line)["cluster_id"]
            elif step == "match":
                found = peer.match(line)
                assert miner.match(line) == (found and found.cluster_id)
            else:
                miner = TemplateMiner.from_bytes(miner.to_bytes())
        found = [(cluster.cluster_id, cluster.get_template(), cluster.size) for cluster in peer.drain.clusters]
        assert [(template.id, template.text, template.size) for template in miner.templates()] == sorted(found)


@given(configs, st.lists(lines, max_size=60), st.integers(1, 5))
def test_no_leaf_is_wider_than_its_bound(config: TemplateConfig, given_lines: list[str], width: int) -> None:
    assume(config.max_clusters is None)
    bounded = TemplateConfig(config.masks, config.depth, config.sim_th, config.max_children, None, config.delimiters, width)
    miner = TemplateMiner(bounded)
    for line in given_lines:
        miner.add(line)
    nodes = [miner._drain.root_node]
    while nodes:
        node = nodes.pop()
        assert len(node.cluster_ids) <= width
        nodes.extend(node.key_to_child_node.values())
    assert sum(template.size for template in miner.templates()) == len(given_lines)
