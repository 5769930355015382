"""The judge of next-key models, over a graph in which the last key of the context alone decides: its logits are a table."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from logsentry.errors import BundleRefused
from logsentry.scoring.evidence import Rarity, Scale
from logsentry.scoring.next_key import Answers, Earlier, NextKey, NextKeySession, replay_next_key
from logsentry.scoring.next_key_session import ROWS, Said
from logsentry.sdk import Graph
from logsentry.text.contexts import contexts, distinct
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, UNK

KEYS, HISTORY, PREDICTIONS = 12, 3, 999
SETTINGS = {"history": HISTORY, "predictions": PREDICTIONS}
TABLE = np.random.default_rng(0).normal(0, 4, (KEYS, KEYS)).astype(np.float32)  # [last key of the context, next key]
MOST = np.log(1 + PREDICTIONS)


def graph(table: np.ndarray) -> bytes:
    constants = {"table": table, "last": np.array(-1), "one": np.array([1]), "three": np.array([3]), "axis": np.array([1])}
    nodes = [
        helper.make_node("Gather", ["context", "last"], ["key"], axis=1),
        helper.make_node("Gather", ["table", "key"], ["logits"], axis=0),
        helper.make_node("Unsqueeze", ["truth", "axis"], ["column"]),
        helper.make_node("GatherElements", ["logits", "column"], ["true"], axis=1),
        helper.make_node("Greater", ["logits", "true"], ["above"]),
        helper.make_node("Cast", ["above"], ["ones"], to=TensorProto.INT32),
        helper.make_node("ReduceSum", ["ones", "axis"], ["rank"], keepdims=0),
        helper.make_node("ReduceLogSumExp", ["logits", "axis"], ["whole"], keepdims=1),
        helper.make_node("Sub", ["whole", "true"], ["difference"]),
        helper.make_node("Squeeze", ["difference", "axis"], ["surprise"]),
        helper.make_node("TopK", ["logits", "three"], ["values", "expected"], axis=1),
    ]
    made = helper.make_graph(
        nodes,
        "table",
        [
            helper.make_tensor_value_info("context", TensorProto.INT64, ["rows", HISTORY]),
            helper.make_tensor_value_info("truth", TensorProto.INT64, ["rows"]),
        ],
        [
            helper.make_tensor_value_info("rank", TensorProto.INT32, ["rows"]),
            helper.make_tensor_value_info("surprise", TensorProto.FLOAT, ["rows"]),
            helper.make_tensor_value_info("expected", TensorProto.INT64, ["rows", 3]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def session(table: np.ndarray = TABLE) -> NextKeySession:
    return NextKeySession(graph(table), Graph("model.onnx"))


def judge(**more: int) -> NextKey:
    return NextKey(session(), KEYS, SETTINGS | more)


def windows(number: int, length: int, seed: int = 0) -> np.ndarray:
    ids = np.random.default_rng(seed).integers(FIRST_KEY, KEYS, (number, length))
    ids[:, 0], ids[:, -1] = BEGIN, END
    return ids


def plain(window: list[int]) -> tuple[list[int], list[float]]:
    """Ranks and surprises by the table, one position after another."""
    ranks, surprises = [0], [0.0]
    for before, key in pairwise(window):
        logits = TABLE[before].astype(np.float64)
        rank, surprise = int((logits > logits[key]).sum()), float(np.log(np.exp(logits).sum()) - logits[key])
        ranks.append(KEYS - FIRST_KEY if key == UNK else rank)
        surprises.append(MOST if key == UNK else min(surprise, MOST))
    return ranks, surprises


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(2, 9), st.integers(0, 1000), st.booleans())
def test_each_position_is_asked_after_what_came_before(number: int, length: int, seed: int, unknown: bool) -> None:
    ids = windows(number, length, seed)
    if unknown and length > 2:
        ids[:, 1] = UNK
    held = judge(top_g=2).ask(ids)
    for row, window in enumerate(ids.tolist()):
        ranks, surprises = plain(window)
        assert held.ranks[0, row].tolist() == ranks
        np.testing.assert_allclose(held.surprise[0, row], surprises, atol=1e-4)
        share = np.mean([rank >= 2 for rank in ranks[1:]])
        expected = [np.mean(surprises[1:]), np.sum(surprises[1:]), max(ranks), share]
        np.testing.assert_allclose(held.evidence[0, row], expected, atol=1e-4)
    likeliest = np.argsort(-TABLE[ids[:, :-1]], axis=2, kind="stable")[:, :, :3]
    np.testing.assert_array_equal(held.expected[:, 1:], likeliest)


def test_an_unknown_event_is_as_surprising_as_can_be() -> None:
    table = TABLE.copy()
    table[:, UNK] = 50.0  # the model is sure of it, and knows nothing of it
    held = NextKey(NextKeySession(graph(table), Graph("model.onnx")), KEYS, SETTINGS).ask(np.array([[BEGIN, UNK, END]]))
    assert held.ranks[0, 0, 1] == KEYS - FIRST_KEY
    np.testing.assert_allclose(
        held.surprise[0, 0, 1:], [MOST, MOST], rtol=1e-6
    )  # END: 50 nats by the model, and no more is known


def test_top_g_is_tuned_on_normal_windows_and_kept_with_the_rest() -> None:
    normal = [windows(40, 8), windows(40, 5)]
    ranks = np.concatenate([judge().ask(ids).ranks[0, :, 1:].ravel() for ids in normal])
    tuned = judge().tune(normal)
    assert {name: tuned[name] for name in SETTINGS} == SETTINGS
    assert (ranks < tuned["top_g"]).mean() >= 0.95 > (ranks < tuned["top_g"] - 1).mean()


def test_a_member_that_is_not_asked_holds_nothing() -> None:
    asked, ids = judge(top_g=2), windows(3, 6)
    assert asked.groups == (1,)
    assert not asked.degraded
    assert asked.ask(ids, [False]).evidence.shape == (0, 3, 4)
    nobody, one = asked.ask(ids, [False]), asked.ask(ids, [True])
    np.testing.assert_array_equal(nobody.joined(one).evidence, one.evidence)
    rows = np.array([True, False, True])
    np.testing.assert_array_equal(one.of(rows).evidence, asked.ask(ids[rows]).evidence)


def test_findings_name_the_positions_outside_top_g() -> None:
    asked, ids = judge(top_g=3), windows(6, 7)
    held = asked.ask(ids)
    rarity = Rarity(Scale.fit(asked.ask(windows(99, 7, 5)).evidence, [kind.least for kind in asked.kinds]))
    for row, found in enumerate(held.findings(rarity.rated(held.evidence))):
        outside = [at for at in range(1, 7) if held.ranks[0, row, at] >= 3]
        placed = [finding for finding in found if finding.position > 0]
        assert sorted(finding.position for finding in placed) == sorted(outside)[:5] or len(outside) > 5
        for finding in placed:
            assert finding.key == ids[row, finding.position]
            assert finding.rank == held.ranks[0, row, finding.position]
            assert finding.key not in finding.expected


def test_a_window_of_many_small_surprises_is_told_as_a_whole() -> None:
    def held(surprise: float, batch: int = 1) -> Answers:
        full = np.full((1, batch, 5), surprise, np.float32)
        return Answers(np.full((batch, 5), 7), np.zeros((1, batch, 5), np.int32), full, np.zeros((batch, 5, 3), np.int64), 1)

    rarity = Rarity(Scale.fit(held(0.01, 9).evidence, [kind.least for kind in judge().kinds]))
    ((finding,),) = held(2.0).findings(rarity.rated(held(2.0).evidence))
    assert finding.position == -1
    assert "less likely as a whole than any that was held back" in finding.said
    assert held(0.01).findings(rarity.rated(held(0.01).evidence)) == [()]


class Counting(NextKeySession):
    """The session, which counts the contexts that it is asked about."""

    asked = 0

    def run(self, rows: np.ndarray) -> Said:
        self.asked += len(rows)
        return super().run(rows)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(20, 400))
def test_earlier_answers_are_those_of_the_session(seeds: list[int], bound: int) -> None:
    counting, earlier = Counting(graph(TABLE), Graph("model.onnx")), Earlier(bound)
    for seed in seeds:
        rows = distinct(contexts(windows(1 + seed % 9, 2 + seed % 7, seed), HISTORY)).rows
        for got, true in zip(earlier.said(rows, counting), session().run(rows), strict=True):
            np.testing.assert_array_equal(got, true)


def test_what_was_asked_is_not_asked_again() -> None:
    counting = Counting(graph(TABLE), Graph("model.onnx"))
    asked, ids = NextKey(counting, KEYS, SETTINGS), windows(50, 6)
    first = asked.ask(ids)
    once = len(np.unique(contexts(ids, HISTORY), axis=0))
    assert counting.asked == once
    np.testing.assert_array_equal(asked.ask(ids[::-1]).evidence, first.evidence[:, ::-1])
    assert counting.asked == once


def test_many_rows_are_run_in_parts() -> None:
    rows = np.tile(contexts(windows(40, 6), HISTORY), (13, 1))
    assert len(rows) > ROWS
    whole = session().run(rows)
    assert len(whole.rank) == len(rows)
    np.testing.assert_array_equal(whole.rank[-200:], whole.rank[:200])


def probe(**other: Any) -> bytes:
    rows = distinct(contexts(windows(20, 6), HISTORY)).rows
    said = session().run(rows)
    arrays = {"context": rows[:, :-1], "truth": rows[:, -1], "rank": said.rank, "surprise": said.surprise}
    arrays |= {"ties": np.zeros(len(rows), np.int32)}
    content = io.BytesIO()
    np.savez(content, **{name: value for name, value in (arrays | other).items() if value is not None})
    return content.getvalue()


def test_a_session_that_answers_its_probe_serves() -> None:
    assert replay_next_key(session(), probe(), "bundle x") < 1e-5
    with np.load(io.BytesIO(probe())) as data:
        rank, ties = data["rank"], data["ties"]
    rank[3], ties[3] = rank[3] + 2, 2  # a tie that this machine breaks otherwise
    assert replay_next_key(session(), probe(rank=rank, ties=ties), "bundle x") < 1e-5


def test_a_session_that_answers_otherwise_is_refused() -> None:
    other = TABLE.copy()
    other[7] += np.linspace(0, 0.1, KEYS, dtype=np.float32)
    broken = TABLE.copy()
    broken[7, 8] = np.nan
    for table in (other, broken, TABLE[:, ::-1].copy()):
        with pytest.raises(BundleRefused, match=r"bundle x answers its probe differently here"):
            replay_next_key(session(table), probe(), "bundle x")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has no probe"),
        (b"PK", "cannot be read"),
        (probe(ties=None), "cannot be read"),
        (probe()[:-40], "cannot be read"),
        (probe(truth=np.array([5])), "do not belong together"),
        (probe(rank=np.array([object()], dtype=object)), "cannot be read"),
    ],
)
def test_a_bad_probe_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(BundleRefused, match=told):
        replay_next_key(session(), content, "bundle x")
