from __future__ import annotations

import lzma
import random
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
from drain3.masking import LogMasker, MaskingInstruction

from logsentry.errors import UsageError
from logsentry.text.masks import DRAIN3_README_MASKS, Mask, Masker

LINES = [
    "Received block blk_4394112519745907149 src: /10.250.18.114:43996 dest: /10.250.18.114:50010",
    "data address: 0x0003fae2, -17 +4 1.5 0xg 0x",
    "data address: 1x0003fae2, -17 +4 1.5 0xg",
    "cn450/cn450 kernel: audit(1131538441.365:1): initialized 100% %s %d",
    'executed cmd "rm -rf 7" and "8"',
    "aa:bb:cc:dd:ee:ff 0123456789abcdef01 ABCD EF01 2345 6789 x",
    "٣ 3 é7é \udcff7 7\n",
    "7\n",
    "\n7\n",
    "",
    " ",
    "\0" + "7 cn450",
]


def drain3_masker(masks: Sequence[Mask]) -> LogMasker:
    return LogMasker([MaskingInstruction(mask.pattern, mask.name) for mask in masks], "<", ">")


def renumbered(line: str, seed: int) -> str:
    chance = random.Random(seed)
    return "".join(chance.choice("0123456789") if c in "0123456789" else c for c in line)


def test_a_line_of_hdfs() -> None:
    masker = Masker(DRAIN3_README_MASKS)
    assert masker(LINES[0]) == "Received block blk_<SEQ> src: /<IP>:<NUM> dest: /<IP>:<NUM>"


@pytest.mark.parametrize("line", LINES)
def test_it_is_drain3s_masker_whatever_the_digits(line: str) -> None:
    masker, peer = Masker(DRAIN3_README_MASKS), drain3_masker(DRAIN3_README_MASKS)
    for again in [line, line, *(renumbered(line, seed) for seed in range(50)), line]:
        assert masker(again) == peer.mask(again)


@pytest.mark.parametrize(
    "masks",
    [
        (Mask(r"(\d)\1", "TWICE"),),  # no shape is proved
        (Mask(r"[5-9]+", "BIG"), Mask(r"\d", "SMALL")),
        (Mask(r"\d+", "0x"), Mask(r"0x", "HEX")),  # a name that another mask looks for
        (Mask(r"\d+", "4%s"), Mask("<", "9")),
        (Mask(r"x*", "-"), Mask(r"(?i)CN\d", "NODE")),
    ],
)
def test_other_masks_give_what_drain3_gives(masks: tuple[Mask, ...]) -> None:
    masker, peer = Masker(masks), drain3_masker(masks)
    for line in LINES:
        for again in [line, line, *(renumbered(line, seed) for seed in range(10))]:
            assert masker(again) == peer.mask(again)


def test_lines_with_and_without_a_needle_have_shapes_of_their_own() -> None:
    masker = Masker(DRAIN3_README_MASKS)
    lines = ["a 0x1f", "a 1x1f", "a 0x0f"] * 3
    assert [masker(line) for line in lines] == ["a <HEX>", "a 1x1f", "a <HEX>"] * 3


def test_what_a_mask_looks_for_may_come_from_another_masks_name() -> None:
    masker = Masker([Mask("a", "0x"), Mask(r"0x.[5-9]", "HIGH")])
    assert [masker(line) for line in ["a5", "a3", "a9"] * 3] == ["<<HIGH>", "<0x>3", "<<HIGH>"] * 3


def test_no_masks_change_nothing() -> None:
    assert Masker(())("cn450 7") == "cn450 7"


def test_what_it_keeps_is_bounded() -> None:
    masker = Masker(DRAIN3_README_MASKS, held_bytes=20_000)
    peer = drain3_masker(DRAIN3_README_MASKS)
    for number in range(500):
        line = f"{'word ' * (number % 40)} {number} node{number}"
        assert masker(line) == peer.mask(line)
        assert masker._plans.held <= 20_000
    assert masker("a long one " * 100 + "7").endswith("<NUM>")
    assert all(len(shape) < 1000 for shape in masker._plans)


@pytest.mark.parametrize(
    ("mask", "said"), [(Mask("(", "A"), "'A' is no regular expression"), (Mask("a", r"\1"), "holds a backslash")]
)
def test_a_mask_that_cannot_be_used_is_named(mask: Mask, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Masker([mask])


@pytest.mark.data
@pytest.mark.parametrize(
    "log", ["hdfs_raw_2pct/HDFS_2pct.log.xz", "bgl_100k/bgl2_100k.log.xz", "thunderbird/tbird_20051115_19k.log.xz"]
)
def test_real_lines_with_their_headers(data: Path, log: str) -> None:
    masker, peer = Masker(DRAIN3_README_MASKS), drain3_masker(DRAIN3_README_MASKS)
    with lzma.open(data / "loganomaly" / log, "rt", encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        for line in islice(lines, 5_000):
            assert masker(line) == peer.mask(line)
