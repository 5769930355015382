"""What waits for a model: the oldest first, its kind with it, nothing lost and nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from logsentry.server.waiting import WORTH, Entry, Waiting

Request = Entry[int, None]


def put(queue: Waiting[Request], size: int = 1, kind: int = 0) -> Request:
    entry: Request = Entry(range(size), None, 0.0, kind)
    queue.put(entry)
    return entry


def sizes(taken: list[Request]) -> list[int]:
    return [len(entry.items) for entry in taken]


def test_who_finds_the_model_asleep_has_to_wake_it() -> None:
    queue: Waiting[Request] = Waiting()
    assert queue.put(Entry([1], None, 0.0, 0))
    assert not queue.put(Entry([2], None, 0.0, 0))
    assert len(queue.take(8)) == 2
    assert queue.awake, "it works, and comes back"
    assert not queue.take(8)
    assert not queue.awake
    assert queue.put(Entry([3], None, 0.0, 0))


def test_the_oldest_is_taken_first_and_its_kind_with_it() -> None:
    queue: Waiting[Request] = Waiting()
    entries = [put(queue, kind=kind) for kind in (7, 3, 7, 5, 3)]
    assert queue.take(3) == [entries[0], entries[2], entries[1]]
    assert queue.take(3) == [entries[3], entries[4]]


def test_of_much_that_waits_half_is_taken() -> None:
    queue: Waiting[Request] = Waiting()
    for _ in range(2 * WORTH):
        put(queue)
    assert len(queue.take(512)) == WORTH
    assert len(queue.take(512)) == WORTH, "so little is not halved again"


def test_a_request_larger_than_a_batch_is_taken_alone() -> None:
    queue: Waiting[Request] = Waiting()
    put(queue, 5)
    put(queue, 1)
    assert sizes(queue.take(3)) == [5]
    assert sizes(queue.take(3)) == [1]


def test_what_does_not_fit_keeps_its_place_before_what_came_later() -> None:
    queue: Waiting[Request] = Waiting()
    for size in (2, 3, 1):
        put(queue, size)
    assert sizes(queue.take(4)) == [2]
    assert sizes(queue.take(4)) == [3, 1]


actions = st.lists(
    st.tuples(st.just("put"), st.integers(1, 9), st.integers(0, 3))
    | st.tuples(st.just("take"), st.integers(1, 40), st.just(0))
    | st.tuples(st.just("leave"), st.integers(0, 99), st.just(0)),
    max_size=60,
)


@given(actions)
def test_nothing_is_lost_nothing_is_taken_twice_and_nobody_is_passed_over(doings: list[tuple[str, int, int]]) -> None:
    queue: Waiting[Request] = Waiting()
    waits: list[Request] = []
    for what, number, kind in doings:
        if what == "put":
            waits.append(put(queue, number, kind))
        elif what == "leave" and waits:
            queue.leave(waits.pop(number % len(waits)))
        elif what == "take":
            taken = queue.take(number)
            assert bool(taken) == bool(waits)
            assert not waits or waits[0] in taken
            assert len(taken) <= 1 or sum(sizes(taken)) <= number
            assert not any(entry.waits for entry in taken)
            waits = [entry for entry in waits if entry not in taken]
        assert queue.items == sum(sizes(waits))
    while taken := queue.take(1_000):
        waits = [entry for entry in waits if entry not in taken]
    assert not waits
