"""All real reports decode: a sample of them in each run, all in `make soak`."""

from __future__ import annotations

import lzma
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from logsentry_speakeasy.source import Speakeasy
from logsentry_speakeasy.text import ReportText
from logsentry_speakeasy.word_table import WordTable

from logsentry.schema.ecs import unknown_names, wrong_types
from logsentry.sdk import Filtered
from logsentry.testing import record_of

ROWS = {"gamma_reports_dev": 6_931, "benign_generated_1.5.11": 203, "benign_generated_2.0.0b9": 203}


def reports(folder: Path, name: str, step: int) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Each `step`-th row and its report as bytes."""
    with lzma.open(folder / "speakeasy" / "raw" / f"{name}.jsonl.xz") as rows:
        for number, line in enumerate(rows):
            if number % step == 0:
                row = msgspec.json.decode(line)
                yield row, msgspec.json.encode(row["report"])


def check(folder: Path, name: str, step: int) -> int:
    """Decodes, compares what can be counted otherwise, and answers how many there were."""
    source, seen = Speakeasy(Speakeasy.Config()), 0
    for row, data in reports(folder, name, step):
        decoded = source.decode(record_of(data))
        assert not isinstance(decoded, Filtered)
        (event,) = decoded
        runs = row["report"]["entry_points"] if isinstance(row["report"], dict) else row["report"]
        steps = [step["event"] for run in runs for step in run.get("events", ())]
        calls = sum(len(run.get("apis", ())) for run in runs) + Counter(steps)["api"]
        assert event.fields["speakeasy.api.count"] == calls
        assert source.framing_of(data[:4096]) == ("json" if isinstance(row["report"], dict) else "document")
        assert unknown_names(event.fields, source.own_prefixes) == []
        assert wrong_types(event.fields) == []
        assert bool(source.text.tokens(data)) >= (calls > 0)
        seen += 1
    return seen


@pytest.mark.data
@pytest.mark.parametrize("name", ROWS)
def test_a_sample_of_real_reports_decodes(data: Path, name: str) -> None:
    assert check(data, name, 25) == -(-ROWS[name] // 25)


@pytest.mark.data
def test_the_table_of_words_gives_the_ids_of_the_published_tokenizer(data: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    model = data / "speakeasy" / "nebula_assets" / "bpe_50000_sentencepiece.model"
    encode = sentencepiece.SentencePieceProcessor(model_file=str(model)).encode
    text = ReportText()
    whole, cut = WordTable(encode, limit=1_000_000), WordTable(encode)
    for name in ROWS:
        for _, report in reports(data, name, 60):
            ids = encode(text.tokens(report))
            assert whole.ids(text.pieces(report)) == ids
            assert cut.ids(text.pieces(report)) == ids[:512]


@pytest.mark.data
@pytest.mark.soak
@pytest.mark.parametrize("name", ROWS)
def test_all_real_reports_decode(data: Path, name: str) -> None:
    assert check(data, name, 1) == ROWS[name]
