from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from logsentry.text.subsequence import PARAM
from logsentry.text.wordindex import WordIndex

WORDS = st.lists(st.sampled_from("abcde"), max_size=8).map(tuple)


def is_subsequence(words: Sequence[str], line: Sequence[str]) -> bool:
    rest = iter(line)
    return all(word in rest for word in words)


@given(st.lists(WORDS, unique=True, max_size=12), st.sets(st.integers(0, 11)), st.lists(WORDS, min_size=1, max_size=4))
def test_answers_are_those_of_a_look_at_each(
    templates: list[tuple[str, ...]], gone: set[int], lines: list[tuple[str, ...]]
) -> None:
    index = WordIndex()
    for number, words in enumerate(templates):
        index.insert(number, words)
    for number in sorted(gone & set(range(len(templates)))):
        index.remove(number, templates[number])
    left = {number: words for number, words in enumerate(templates) if number not in gone}
    assert set(index.known) == {PARAM, *(word for words in left.values() for word in words)}
    for line in [*lines, *templates]:
        contained = list(index.contained(line))
        assert len(contained) == len(set(contained))
        assert set(contained) == {n for n, words in left.items() if is_subsequence(words, line) and bool(words) == bool(line)}
        found = [(count, number) for count, numbers in index.alike(line) for number in numbers]
        common = [((Counter(words) & Counter(line)).total(), number) for number, words in left.items()]
        assert found == sorted(common, key=lambda one: (-one[0], one[1]))


def test_removing_all_leaves_nothing() -> None:
    index = WordIndex()
    index.insert(1, ("a", "b", "a"))
    index.insert(2, ("a", "b"))
    index.remove(2, ("a", "b"))
    assert list(index.contained(["a", "b", "x", "a"])) == [1]
    index.remove(1, ("a", "b", "a"))
    assert not list(index.contained(["a", "b", "x", "a"]))
    assert not list(index.alike(["a"]))
    assert index.known == {PARAM: PARAM}
    assert not index._root.children
