"""Sysmon events a second, into finished events: EVTX beside the bare `evtx` package with orjson, JSON beside bare `orjson.loads`.

python tests/bench/bench_sysmon.py        # the staged logs of LOGSENTRY_DATA, or the shipped golden ones repeated

EVTX is read in a child process; its CPU time is counted with ours. Caches that earlier rounds filled are emptied: a log is read once.
LOGSENTRY_BENCH_PEERS may name a Python that has `python-evtx` (`pip install python-evtx` in an environment of its own); it is then
measured as well, reading the same log into JSON.
"""

from __future__ import annotations

import functools
import gc
import gzip
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from evtx import PyEvtxParser
from logsentry_sysmon.source import Sysmon
from ratios import cpu_seconds, told

from logsentry.sdk import BadRecord, Event, Filtered, Record

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "sysmon"
DATA = Path(os.environ.get("LOGSENTRY_DATA") or ROOT.parent / "shared" / "data") / "siem" / "sysmon"
ROUNDS = 7
EVTX_TARGET, JSON_TARGET, EVENTS_TARGET, PYTHON_EVTX_TARGET = 0.4, 0.7, 40_000, 25
CACHES = [
    cache
    for cache in gc.get_objects()
    if isinstance(cache, functools._lru_cache_wrapper) and str(cache.__module__).startswith("logsentry_sysmon")
]
# Prints its seconds of CPU, start-up not counted, and on the next line the records as a JSON array.
PYTHON_EVTX = """
import json, sys, time
from xml.etree import ElementTree
from Evtx.Evtx import Evtx
NS = "{http://schemas.microsoft.com/win/2004/08/events/event}"
began, lines = time.process_time(), []
with Evtx(sys.argv[1]) as log:
    chunks = [chunk for chunk in log.get_file_header().chunks(include_inactive=True) if chunk.check_magic()]
    for record in (record for chunk in chunks for record in chunk.records()):
        event = ElementTree.fromstring(record.xml())
        data = {part.get("Name"): part.text for part in event.iter(NS + "Data")}
        told = {part.tag[len(NS):]: part.attrib | {"#text": part.text} for part in event.find(NS + "System")}
        lines.append(json.dumps({"System": told, "EventData": data}))
print(time.process_time() - began)
print("[" + ",".join(lines) + "]")
"""
SOURCE = Sysmon(Sysmon.Config())


def decoded(records: list[Record]) -> list[Event]:
    for cache in CACHES:
        cache.cache_clear()
    found: list[Event] = []
    for record in records:
        try:
            events = SOURCE.decode(record)
        except BadRecord:
            continue
        found += () if isinstance(events, Filtered) else events
    return found


def seconds(*runs: Callable[[], object]) -> list[float]:
    """Best CPU seconds of each, this process and the reader's child together; the runs take turns."""
    return list(cpu_seconds(dict(enumerate(runs)), ROUNDS, cpu).values())


def cpu() -> float:
    child = SOURCE._chunks.pid
    # Linux gives each process a clock; its number is made of the id (linux/posix-timers.h, CPUCLOCK_SCHED).
    return time.process_time() + (time.clock_gettime((~child << 3) | 2) if child else 0.0)


def both_told(name: str, events: int, ours: float, theirs: float | None, target: float) -> None:
    if theirs is not None:
        told(name, theirs / ours, target)
    told(f"{name}, events a second over {EVENTS_TARGET:,}", events / ours / EVENTS_TARGET, 1.0)


def bare_evtx(log: bytes) -> list[dict[str, Any]]:
    records, found = PyEvtxParser(io.BytesIO(log), number_of_threads=1).records_json(), []
    while True:
        try:
            found.append(orjson.loads(next(records)["data"]))
        except StopIteration:
            return found
        except RuntimeError:
            continue


def evtx_log() -> bytes:
    staged = DATA / "robustness/evtx-crate/sysmon.evtx.gz"
    return gzip.decompress((staged if staged.exists() else GOLDEN / "psexec.evtx.gz").read_bytes())


def evtx_records(log: bytes) -> list[Record]:
    return [Record(log[:4096] + log[at : at + 65536], "b", "b", at, {}) for at in range(4096, len(log), 65536)]


def evtx_bench() -> bool:
    log = evtx_log()
    records = evtx_records(log)
    theirs = [str(told["Event"]["System"]["EventRecordID"]) for told in bare_evtx(log)]
    ours = [event.fields["winlog.record_id"] for event in decoded(records)]
    mine, bare = seconds(lambda: decoded(records), lambda: bare_evtx(log))
    both_told("sysmon EVTX", len(ours), mine, bare, EVTX_TARGET)
    return theirs == ours


def python_evtx_bench() -> bool:
    """Beside the parser in pure Python, which is asked for all chunks of the log and not only for those that its header counts."""
    peer = os.environ.get("LOGSENTRY_BENCH_PEERS")
    if not peer:
        print("sysmon EVTX beside python-evtx: not measured: LOGSENTRY_BENCH_PEERS names no Python that has python-evtx")
        return True
    log = evtx_log()
    records = [record for record in evtx_records(log) if record.data[4096:].startswith(b"ElfChnk")]
    with tempfile.NamedTemporaryFile(suffix=".evtx") as file:
        file.write(log)
        file.flush()
        ran = subprocess.run([peer, "-c", PYTHON_EVTX, file.name], capture_output=True, text=True, check=False)
    if ran.returncode:
        print(f"sysmon EVTX beside python-evtx: not measured: {peer} says {ran.stderr.strip().splitlines()[-1]}")
        return True
    seconds_told, _, rows = ran.stdout.partition("\n")
    theirs = [(row["System"]["EventRecordID"]["#text"], row["EventData"].get("Image")) for row in orjson.loads(rows)]
    ours = [(event.fields["winlog.record_id"], event.fields.get("process.executable")) for event in decoded(records)]
    [mine] = seconds(lambda: decoded(records))
    told("sysmon EVTX beside python-evtx with json", float(seconds_told) / mine, PYTHON_EVTX_TARGET)
    same = [record for record, _ in theirs] == [record for record, _ in ours]
    return same and all(image is None or image == our for (_, image), (_, our) in zip(theirs, ours, strict=True))


def lines_bench(name: str, lines: list[bytes], image: Callable[[dict[str, Any]], object] | None) -> bool:
    records = [Record(line, "b", "b", at, {}) for at, line in enumerate(lines)]
    events = decoded(records)
    same = len(events) == len(lines)
    if image is None:
        [mine] = seconds(lambda: decoded(records))
        both_told(name, len(lines), mine, None, 0)
        return same
    for event, line in zip(events, lines, strict=True):
        value = image(orjson.loads(line))
        same &= value is None or event.fields.get("process.executable") == value
    mine, bare = seconds(lambda: decoded(records), lambda: [orjson.loads(line) for line in lines])
    both_told(name, len(lines), mine, bare, JSON_TARGET)
    return same


def winlogbeat_lines() -> list[bytes]:
    """Staged NXLog-like lines in Winlogbeat's clothes, as there are few staged documents of Winlogbeat 7 itself."""
    system = {
        "Channel",
        "EventID",
        "Hostname",
        "SourceName",
        "Message",
        "@timestamp",
        "ProviderGuid",
        "Level",
        "Keywords",
        "Task",
    }
    found = []
    for line in flat_lines():
        told = orjson.loads(line)
        winlog = {
            "api": "wineventlog", "channel": told["Channel"], "computer_name": told.get("Hostname"), "event_id": str(told["EventID"]),
            "event_data": {name: value for name, value in told.items() if name not in system and isinstance(value, str)},
            "opcode": "Info", "process": {"pid": 3448, "thread": {"id": 4500}}, "provider_guid": told.get("ProviderGuid"),
            "provider_name": "Microsoft-Windows-Sysmon", "record_id": 32, "user": {"identifier": "S-1-5-18"}, "version": 5,
        }  # fmt: skip
        found.append(orjson.dumps({"@timestamp": told.get("@timestamp"), "winlog": winlog, "message": told.get("Message", "")}))
    return found


def flat_lines() -> list[bytes]:
    staged = sorted((DATA / "otrf-sysmon-bulk").glob("*.gz"))
    if staged:
        return [line for line in gzip.decompress(staged[0].read_bytes()).splitlines() if line][:10_000]
    print("the data set is not here (LOGSENTRY_DATA): fourteen shipped lines, 300 times over", file=sys.stderr)
    return (GOLDEN / "flat.jsonl").read_bytes().splitlines() * 300


def main() -> int:
    xml = (GOLDEN / "winlogbeat-testdata.xml").read_bytes().splitlines() * 500
    same = [
        evtx_bench(),
        python_evtx_bench(),
        lines_bench("sysmon Winlogbeat JSON", winlogbeat_lines(), lambda told: told["winlog"]["event_data"].get("Image")),
        lines_bench("sysmon flat JSON", flat_lines(), lambda told: told.get("Image")),
        lines_bench("sysmon Event XML", xml, None),
    ]
    if not all(same):
        print(f"sysmon decode: the values differ from what the plain readers give ({same})")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
