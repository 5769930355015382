"""Reports to token ids, beside the plain way with pandas; and how far filter and normalizers cut the vocabulary.

The plain way is written here from the paper's description: each part of each entry point through `pandas.json_normalize`, the
tables put together, their columns normalized by `apply`, back to JSON, keys and punctuation out, the whole text through
sentencepiece, cut at 512 ids. It uses this plugin's functions for single values, so that the ids must be equal.

python tests/bench/bench_speakeasy.py        # real reports and the published tokenizer from LOGSENTRY_DATA
"""

from __future__ import annotations

import json
import lzma
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from logsentry_speakeasy.profile import TEXT, Part, TextFilter
from logsentry_speakeasy.source import Speakeasy
from logsentry_speakeasy.text import ReportText
from logsentry_speakeasy.values import argument_words, host_words, name_words, value_words
from logsentry_speakeasy.word_table import WordTable
from ratios import cpu_seconds, told

from logsentry.sdk import Record

DATA = Path(os.environ.get("LOGSENTRY_DATA", Path(__file__).parents[3] / "shared" / "data")) / "speakeasy"
ROWS = ("gamma_reports_dev", "benign_generated_1.5.11", "benign_generated_2.0.0b9")
TARGET_SPEED, TARGET_VOCABULARY = 8.0, 3.2
LIMIT, EVERY, ROUNDS = 512, 17, 3
WORDS = {"name": name_words, "host": host_words, "value": value_words, "argument": argument_words}
KEYS = re.compile(r"'(?:" + "|".join(sorted({field for part in TEXT.parts for field, _ in part.fields})) + "|[a-z_.]+)': ")


def reports(name: str) -> Iterator[bytes]:
    with lzma.open(DATA / "raw" / f"{name}.jsonl.xz") as rows:
        for row in rows:
            yield msgspec.json.encode(msgspec.json.decode(row)["report"])


def plain_table(pandas: Any, runs: Sequence[dict[str, Any]], part: Part) -> Any:
    """The kept columns of one part of all entry points."""
    tables = [pandas.DataFrame()]
    for run in runs:
        path = ["network_events", part.section] if part.section in ("traffic", "dns") else [part.section]
        records: Any = run
        for step in path:
            records = records.get(step, {})
        if records:
            tables.append(pandas.json_normalize(run, record_path=path).reindex(columns=[field for field, _ in part.fields]))
    table = pandas.concat(tables, axis=0, ignore_index=True)
    return table.head(part.most) if part.most else table


def plain_value(normalize: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, list):
        return [normalize(str(member)) for member in value]
    return "" if value is None or value != value else normalize(str(value))  # a NaN stands for what is absent


def plain_text(pandas: Any, data: bytes) -> str:
    """One report the plain way."""
    runs = json.loads(data)
    tables: dict[str, Any] = {}
    for part in TEXT.parts:
        table = plain_table(pandas, runs, part)
        for field, kind in part.fields if len(table) else ():
            table[field] = table[field].apply(lambda value, kind=kind: plain_value(WORDS[kind], value))
        tables[part.section] = table
    record = json.loads("{" + ",".join(f'"{name}":{table.to_json(orient="records")}' for name, table in tables.items()) + "}")
    return " ".join(re.sub("[^0-9a-z]", " ", KEYS.sub(" ", str(record).lower())).split())


def speed(pandas: Any, chosen: Sequence[bytes]) -> bool:
    """Prints the ratio; False where the ids differ."""
    from sentencepiece import SentencePieceProcessor

    encode = SentencePieceProcessor(model_file=str(DATA / "nebula_assets" / "bpe_50000_sentencepiece.model")).encode
    records = [Record(data, "bench", "bench", at, {}) for at, data in enumerate(chosen)]

    def ours() -> list[list[int]]:
        text, table = ReportText(), WordTable(encode, LIMIT)  # begins with empty tables, as a new process does
        return [table.ids(text.pieces(data)) for data in chosen]

    def plain() -> list[list[int]]:
        return [encode(plain_text(pandas, data))[:LIMIT] for data in chosen]

    def texts() -> list[str]:
        text = ReportText()
        return [text.tokens(data) for data in chosen]

    def decoded() -> None:
        source = Speakeasy(Speakeasy.Config())
        for record in records:
            source.decode(record)

    if ours() != plain():
        print("speakeasy ids: they differ from the plain way's")
        return False
    best = cpu_seconds({"ours": ours, "plain": plain, "text": texts, "decode": decoded}, ROUNDS)
    ratio = best["plain"] / best["ours"]
    told("speakeasy ids", ratio, TARGET_SPEED)
    labels = {"plain": "plain way to ids", "ours": "bytes to 512 ids", "text": "bytes to whole text", "decode": "bytes to event"}
    for name, label in labels.items():
        each = best[name] / len(chosen)
        print(f"  {label}: {each * 1000:.3f} ms a report, {1 / each:,.0f} reports a second")
    return True


def vocabulary() -> None:
    """Distinct words of all reports before and after; both in lower case and without punctuation."""
    exact = TextFilter(tuple(msgspec.structs.replace(part, fields=_without_regions(part)) for part in TEXT.parts))
    kept, paper = ReportText(), ReportText(exact)
    before, after, after_paper, untouched = set[str](), set[str](), set[str](), set[bytes]()
    for name in ROWS:
        for data in reports(name):
            untouched.update(json.dumps(msgspec.json.decode(data)).encode().split())
            before.update(name_words_of_all(data.decode()))
            after.update(kept.tokens(data).split())
            after_paper.update(paper.tokens(data).split())
    told("speakeasy vocabulary", len(before) / len(after), TARGET_VOCABULARY)
    print(f"  words: {len(before):,} before ({len(untouched):,} with punctuation), {len(after):,} after")
    print(f"  without taking pointers to their regions: {len(after_paper):,}, ratio {len(before) / len(after_paper):.2f}")


def name_words_of_all(text: str) -> list[str]:
    return re.sub("[^0-9a-z]+", " ", text.lower()).split()


def _without_regions(part: Part) -> tuple[Any, ...]:
    return tuple((field, "value" if kind == "argument" else kind) for field, kind in part.fields)


def main() -> int:
    if not DATA.is_dir():
        print(f"speakeasy: not measured, there is no {DATA} (LOGSENTRY_DATA)")
        return 0
    vocabulary()
    if find_spec("pandas") is None:
        print("speakeasy ids: not measured, because the plain way needs pandas (pip install pandas)")
        return 0
    import pandas

    chosen = [data for number, data in enumerate(reports("gamma_reports_dev")) if number % EVERY == 0]
    return 0 if speed(pandas, chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
