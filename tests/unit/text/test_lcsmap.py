from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.text.lcsmap import REST, LcsMap
from logsentry.text.subsequence import PARAM, merged

LINES = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", PARAM]), max_size=8), max_size=25)


def words_of(tokens: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(token for token in tokens if token != PARAM)


def common(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    if not left or not right:
        return 0
    if left[0] == right[0]:
        return 1 + common(left[1:], right[1:])
    return max(common(left[1:], right), common(left, right[1:]))


class EachInTurn:
    """Spell without the tree and the index: every template is compared with every line."""

    def __init__(self, tau: float, keep: float, limit: int) -> None:
        self.tau, self.keep, self.limit = tau, keep, limit
        self.templates: list[tuple[str, ...]] = []
        self.first: list[int] = []

    def take(self, tokens: list[str]) -> int:
        number = self.choose(words_of(tokens))
        if number is not None:
            template = self.templates[number]
            self.templates[number] = template if fits_in_some_way(template, tokens) else merged(template, tokens)
            return number + 1
        if len(self.templates) == self.limit:
            return REST
        self.templates.append(tuple(tokens))
        self.first.append(len(words_of(tokens)))
        return len(self.templates)

    def choose(self, line: tuple[str, ...]) -> int | None:
        ranked = []
        for number, template in enumerate(self.templates):
            words = words_of(template)
            length = common(words, line)
            if length < self.tau * len(line) or bool(words) != bool(line):
                continue
            if length == len(words):
                ranked.append(((1, length, 0, -number), number))
            elif length >= self.keep * self.first[number]:
                ranked.append(((0, length, -len(words), -number), number))
        return max(ranked)[1] if ranked else None


def fits_in_some_way(template: tuple[str, ...], tokens: list[str]) -> bool:
    """Whether the line is the template with tokens put into its gaps, by trying every way."""
    if not template:
        return not tokens
    if template[0] == PARAM:
        return any(fits_in_some_way(template[1:], tokens[start:]) for start in range(len(tokens) + 1))
    return bool(tokens) and tokens[0] == template[0] and fits_in_some_way(template[1:], tokens[1:])


@given(LINES, st.sampled_from([0.25, 0.5, 0.75, 1.0]), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([3, 100]))
def test_every_choice_is_that_of_a_look_at_each(lines: list[list[str]], tau: float, keep: float, limit: int) -> None:
    found, reference = LcsMap(tau, keep, limit), EachInTurn(tau, keep, limit)
    for line in lines:
        cluster, _ = found.take(line)
        assert cluster.id == reference.take(line)
    assert [cluster.tokens for cluster in found.clusters[1:]] == reference.templates


@given(LINES, st.sampled_from([0.25, 0.5, 1.0]), st.sampled_from([0.0, 0.5]))
def test_what_was_learned_fits_and_keeps_its_share(lines: list[list[str]], tau: float, keep: float) -> None:
    found = LcsMap(tau, keep, 100)
    for line in lines:
        found.take(line)
    assert all(found.fitting(line) is not None for line in lines)
    assert all(len(cluster.words) >= keep * cluster.first for cluster in found.clusters[1:])
    assert len({cluster.words for cluster in found.clusters[1:]}) == len(found.clusters) - 1


def test_a_change_is_told() -> None:
    found = LcsMap(0.5, 0.0, 2)
    told = [found.take(line.split())[1] for line in ("a b c", "a b c", "a b d", "a b e", "a b c d", "x", "y", "y")]
    assert told == [True, False, True, False, True, True, False, False]
    assert [cluster.tokens for cluster in found.clusters] == [(PARAM,), ("a", "b", PARAM), ("x",)]


@pytest.mark.parametrize(("keep", "template"), [(0.0, "GET <*>"), (0.5, "GET /a/b from host")])
def test_one_word_cannot_take_a_template_apart_unless_the_paper_has_its_way(keep: float, template: str) -> None:
    found = LcsMap(0.5, keep, 100)
    found.take(["GET", "/a/b", "from", "host"])
    found.take(["GET"])
    assert " ".join(found.clusters[1].tokens) == template


def test_nor_can_several_lines_one_after_the_other() -> None:
    found = LcsMap(0.5, 0.5, 100)
    for line in ("a b c d e f g h", "a c e g", "a e", "a"):
        found.take(line.split())
    assert [" ".join(cluster.tokens) for cluster in found.clusters[1:]] == ["a <*> c <*> e <*> g <*>", "a <*>"]


def test_of_equally_long_subsequences_the_template_with_fewest_words_is_taken() -> None:
    found = LcsMap(0.6, 0.0, 100)
    assert [found.take(line.split())[0].id for line in ("a b c d e f", "a b y z", "a b w")] == [1, 2, 2]


def test_lines_without_words_are_one_cluster() -> None:
    found = LcsMap(0.5, 0.5, 100)
    assert [found.take(line)[0].id for line in ([], [PARAM], ["a"], [], [PARAM, PARAM])] == [1, 1, 2, 1, 1]
    assert found.fitting(["b"]) is None
