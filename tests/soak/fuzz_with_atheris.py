"""Every source against inputs that are grown from real ones by coverage (atheris, libFuzzer); nothing but `BadRecord` may escape.

A script to run by hand, where `pip install atheris` works: `python tests/soak/fuzz_with_atheris.py --seconds 120 [SOURCE…]`.
Seeds are the golden logs' records. Inputs that made a source fail are kept, one for each place that failed, in `--out`; the exit
status is 1 if there are any. The test beside this one needs no atheris and counts cases; this one counts the parser's own branches.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import atheris
from test_parsers_on_anything import PIECES, samples

from logsentry.pipeline.build import make_source
from logsentry.registry import installed
from logsentry.schema.ecs import wrong_types
from logsentry.sdk import BadRecord, Event, Filtered, Joiner, Joining, Record, Source

MODULES = [str(offer.target).partition(":")[0] for offer in installed().offers("sources")]
with atheris.instrument_imports(include=[module.partition(".")[0] for module in MODULES]):
    for module in MODULES:
        importlib.import_module(module)

LONGEST = 1 << 16


def main() -> int:
    """Fuzz the sources named, or all, each in a process of its own, because libFuzzer ends the one that it runs in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=[offer.name for offer in installed().offers("sources")])
    parser.add_argument("--seconds", type=int, default=120, help="for each source")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "logsentry-fuzz")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        fuzz(asked.sources[0], asked.seconds, asked.out)
    for name in asked.sources:
        command = [sys.executable, __file__, name, "--here", "--seconds", str(asked.seconds), "--out", str(asked.out / name)]
        print(f"== {name}", flush=True)
        subprocess.run(command, check=False)
    failures = sorted(asked.out.glob("*/failure-*"))
    print("\n".join(f"{path}: {path.with_name(path.name.replace('failure', 'said')).read_text()}" for path in failures))
    return 1 if failures else 0


def fuzz(name: str, seconds: int, out: Path) -> None:
    """Never returns: libFuzzer exits when the seconds are over."""
    corpus = out / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for data in samples(name):
        (corpus / sha1(data).hexdigest()).write_bytes(data)
    words = out / "words"
    words.write_text("".join('"' + "".join(rf"\x{byte:02x}" for byte in piece) + '"\n' for piece in PIECES))
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-dict={words}", "-rss_limit_mb=2048", "-timeout=30"]
    atheris.Setup([name, *options, f"-artifact_prefix={out}/failure-", "-print_final_stats=1", str(corpus)], tested(name, out))
    atheris.Fuzz()


def tested(name: str, out: Path) -> Callable[[bytes], None]:
    """What libFuzzer calls for each input; a failure is written down once for each place, and fuzzing goes on."""
    source = make_source(name)
    joiner = source.joiner() if isinstance(source, Joining) else None
    known: set[str] = set()

    def test_one(data: bytes) -> None:
        try:
            one(source, joiner, data)
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            place = failed_at(error)
            if place not in known:
                known.add(place)
                digest = sha1(place.encode()).hexdigest()[:8]
                (out / f"failure-{digest}").write_bytes(data)
                (out / f"said-{digest}").write_text(place)
                print(f"{name} failed: {place}", flush=True)

    return test_one


def one(source: Source, joiner: Joiner | None, data: bytes) -> None:
    """Decodes as one record, and as part of a stream; what comes out must be told as a document, with the types of ECS."""
    record = Record(data, "fuzz", "fuzz", 0, {})
    if joiner is not None:
        for joined in joiner.feed(record):
            told(joined.events)
    try:
        found = source.decode(record)
    except BadRecord as error:
        told(error.events)
        return
    if not isinstance(found, Filtered):
        told(found)


def told(events: object) -> None:
    assert isinstance(events, list | tuple), f"{type(events).__name__} is no sequence of events"
    for event in events:
        assert isinstance(event, Event), f"{type(event).__name__} is no event"
        event.document()
        if wrong := wrong_types(event.fields):
            raise TypeError(wrong[0])


def failed_at(error: Exception) -> str:
    """The exception and the last lines of this project that it came through."""
    frames = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
    return f"{type(error).__name__}: {str(error)[:200]!r} at {' < '.join(reversed(frames))}"


if __name__ == "__main__":
    sys.exit(main())
