from __future__ import annotations

import random
from typing import Any

from drain3.drain import Drain, LogCluster

from logsentry.text.leaf import Leaf

PARAM = "<*>"


def best_by_comparing(clusters: list[Any], tokens: list[str], include_params: bool) -> Any:
    """drain3's own search, over clusters in their order."""
    drain = Drain()
    drain.id_to_cluster = {cluster.cluster_id: cluster for cluster in clusters}
    return drain.fast_match(list(drain.id_to_cluster), tokens, 0.0, include_params)


def test_most_agreement_then_most_parameters_then_the_first() -> None:
    leaf = Leaf(PARAM)
    clusters = [LogCluster(text.split(), number) for number, text in enumerate(["a b c", "a x <*>", "a y <*>", "q q q"], 1)]
    for cluster in clusters:
        leaf.append(cluster)
    assert leaf.best(["a", "b", "z"], False) == (clusters[0], 2)
    assert leaf.best(["a", "n", "z"], False) == (clusters[1], 1)
    assert leaf.best(["a", "y", "z"], True) == (clusters[2], 3)
    assert leaf.best(["n", "n", "n"], False) == (clusters[1], 0)


def test_an_empty_leaf_has_no_best() -> None:
    assert Leaf(PARAM).best(["a"], False) == (None, 0)


def test_through_changes_and_removals_it_answers_what_comparing_answers() -> None:
    chance = random.Random(7)
    words = ["a", "b", "c", "d", PARAM]
    leaf, clusters = Leaf(PARAM), []
    for number in range(1, 600):
        if clusters and chance.random() < 0.45:
            gone = clusters.pop(chance.randrange(len(clusters)))
            leaf.remove(gone.cluster_id)
        else:
            clusters.append(LogCluster(chance.choices(words, k=6), number))
            leaf.append(clusters[-1])
        if clusters:
            changed = chance.choice(clusters)
            changed.log_template_tokens = tuple(chance.choices(words, k=6))
            leaf.refresh(changed)
        tokens = chance.choices(words, k=6)
        for include_params in (False, True):
            assert leaf.best(tokens, include_params)[0] is best_by_comparing(clusters, tokens, include_params)
        assert len(leaf) == len(clusters)


def test_a_leaf_through_which_many_pass_does_not_grow() -> None:
    leaf = Leaf(PARAM)
    for number in range(2_000):
        leaf.append(LogCluster([f"word{number}", "same"], number))
        if number >= 10:
            leaf.remove(number - 10)
    assert len(leaf) == 10
    assert len(leaf._clusters) <= 65
    assert len(leaf._having) == 11
