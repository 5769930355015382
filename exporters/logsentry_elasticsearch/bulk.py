"""Many documents in one request, as bytes, and what was said of each.

The body is put together from lines that are ready; of the answer only what matters is asked for (`filter_path`), and where nothing
went wrong not even that is parsed: its first bytes say so. What an answer means is left to `outcomes.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor

from logsentry.sdk import Unavailable
from logsentry_elasticsearch.connection import Answer, Broken, Cluster
from logsentry_elasticsearch.outcomes import STORED, Said, of_answer, of_broken, of_item, of_the_place, to_halve, unsent

ASKED = {"filter_path": "errors,items.*.status,items.*.error,items.*.failure_store"}
"""Each item keeps its place by its status. Without it a batch in which one item fails has to be sent twice, and one in which none
does was no faster in a trial: 0.3 of 1.3 µs client CPU a document less, and no time that could be told from noise."""

_FINE = b'{"errors":false,'
_SET_ASIDE = b'"failure_store"'


class Bulk:
    """Sends lines in chunks of at most so many, and of so many bytes as far as single lines allow.

    Up to `in_flight` requests are under way at once: a node indexes a request with one thread for each shard, and a stream is
    written to one shard, so that a single request would leave its other cores without work.
    """

    def __init__(self, cluster: Cluster, chunk: int, chunk_bytes: int, in_flight: int) -> None:
        self._cluster, self._chunk, self._bytes, self._in_flight = cluster, chunk, chunk_bytes, in_flight

    def send(self, path: str, lines: Sequence[bytes]) -> list[Said]:
        """What was said of each line (an action with its document), in order. Raises `Untrusted` where nothing may be sent.

        Once the place takes nothing, the chunks that are left are not sent, and what was said then holds for them.
        """
        chunks = list(self._chunks(lines))
        if len(chunks) < 2:
            return [said for chunk in chunks for said in self._sent(path, chunk)]
        with ThreadPoolExecutor(self._in_flight, "bulk") as threads:
            return self._sent_side_by_side(threads, path, chunks)

    def _sent_side_by_side(self, threads: Executor, path: str, chunks: Sequence[Sequence[bytes]]) -> list[Said]:
        found: list[Said] = []
        flying: deque[Future[list[Said]]] = deque()
        for at, chunk in enumerate(chunks):
            if len(flying) == self._in_flight:
                found += flying.popleft().result()
                if (closing := found[-1]).whole and of_the_place(closing):
                    left = sum(len(chunk) for chunk in chunks[at:])
                    return found + [said for one in flying for said in one.result()] + [unsent(closing)] * left
            flying.append(threads.submit(self._sent, path, chunk))
        return found + [said for one in flying for said in one.result()]

    def _chunks(self, lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        begin = size = 0
        for at, line in enumerate(lines):
            if at > begin and (at - begin == self._chunk or size + len(line) > self._bytes):
                yield lines[begin:at]
                begin, size = at, 0
            size += len(line)
        if begin < len(lines):
            yield lines[begin:]

    def _sent(self, path: str, lines: Sequence[bytes]) -> list[Said]:
        """A request that is too large, or that cannot be read, is sent in halves, so that one document spoils no other."""
        try:
            answer = self._cluster.request("POST", path, b"".join(lines), ASKED, "application/x-ndjson")
        except Broken as error:
            return [of_broken(error)] * len(lines)
        if answer.status == 200:
            return items_of(answer, len(lines))
        said = of_answer(answer)
        if not to_halve(said) or len(lines) == 1:
            return [said] * len(lines)
        half = len(lines) // 2
        return self._sent(path, lines[:half]) + self._sent(path, lines[half:])


def items_of(answer: Answer, count: int) -> list[Said]:
    """What a bulk request's answer says of each of its `count` items; one that is not about them all counts as none."""
    body = answer.body
    if body.startswith(_FINE) and _SET_ASIDE not in body and body.count(b'"status":') == count:
        return [STORED] * count
    try:
        found = [of_item(entry) for item in answer.json()["items"] for entry in item.values()]
    except (Unavailable, KeyError, TypeError, ValueError, AttributeError):
        found = []
    if len(found) != count:
        return [Said(0, reason=f"the answer is not about the {count} documents that were sent", whole=True, unsure=True)] * count
    return found
