"""A million mangled records for every source: nothing but an answer or a reason, and memory that does not grow.

Seeds are the golden logs' own records. `LOGSENTRY_FUZZ_CASES` sets another number of cases. A plugin's own tests draw with
Hypothesis; this is the long run (`make soak`), with plain seeded chance, which makes 20,000 cases a second.
"""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from logsentry.pipeline.build import make_files, make_source
from logsentry.pipeline.decode import decode
from logsentry.registry import installed
from logsentry.sdk import Joining, Record

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = int(os.environ.get("LOGSENTRY_FUZZ_CASES", "1000000"))
GROWTH_MEBIBYTES = 300
PIECES = (
    b'"', b"\\", b"[", b"]", b"{", b"}", b"-", b"\0", b"\r\n", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"%00", b"1e999", b"9" * 40,
    b"-1", b"0x", b"type=", b"msg=audit(", b'{"a":', b"null", b"<Event>", b"&lt;", b"<!DOCTYPE x>", b"#Fields: ", b"\x1d", b"true", b"[[[[",
)  # fmt: skip


def samples(name: str) -> list[bytes]:
    """The records of a source's golden logs, none longer than 64 KiB so that a case stays quick."""
    source = make_source(name)
    paths = sorted(str(path) for path in (GOLDEN / name).iterdir() if path.suffix not in (".json", ".md"))
    paths = paths or sorted(str(path) for path in (GOLDEN / name).glob("*.report.json"))
    return [r.data for r in make_files(paths, source).read() if r is not None and 0 < len(r.data) < 1 << 16]


def mangled(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """A seed with one to four places replaced, cut, doubled or joined with another seed."""
    while True:
        data = chance.choice(seeds)
        for _ in range(chance.randint(1, 4)):
            at, length = chance.randrange(len(data) + 1), chance.randint(0, 40)
            piece = chance.choice(
                (chance.choice(PIECES), chance.randbytes(chance.randint(0, 8)), chance.choice(seeds)[at : at + length])
            )
            data = data[:at] + piece + data[at + length :]
        yield data if chance.random() < 0.9 else data[: chance.randrange(len(data) + 1)]


@pytest.mark.soak
@pytest.mark.parametrize("name", [offer.name for offer in installed().offers("sources")])
def test_a_million_mangled_records(name: str) -> None:
    source, seeds = make_source(name), samples(name)
    assert seeds, f"there are no golden logs of {name}"
    joiner = source.joiner() if isinstance(source, Joining) else None
    answered, before = 0, 0
    for number, data in enumerate(mangled(seeds, random.Random(11))):
        if number == CASES:
            break
        record = Record(data, "fuzz", "fuzz", number * 4096, {"offset": number})
        decoded = decode(source, record)
        assert "report this to its author" not in decoded.bad, (decoded.bad, data)
        answered += bool(decoded.events) or bool(decoded.filtered) or bool(decoded.bad)
        if joiner is not None:
            for _ in joiner.feed(record):
                pass
        if number == CASES // 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert answered == CASES
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < GROWTH_MEBIBYTES
