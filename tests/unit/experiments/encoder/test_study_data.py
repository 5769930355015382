"""Reading the rows, splitting them by distinct sequence, and what of them a method sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from logsentry.errors import InputError
from logsentry.experiments.encoder.asking import View
from logsentry.experiments.encoder.folds import folds_of
from logsentry.experiments.encoder.reports_data import Corpus, read
from logsentry.experiments.encoder.views import kind_of, pieces, seen
from logsentry.text.vocabulary import UNK


def test_equal_rows_are_one_sequence(corpus: Corpus) -> None:
    train = corpus.train
    assert len(train.y) == 400
    assert train.left_out == 10
    assert len(set(train.ids)) == len(train.ids) < 400
    assert (train.benign + train.malicious).sum() == 400
    assert train.benign[train.place[0]] + train.malicious[train.place[0]] >= 1
    assert 0.9 < train.attainable <= 1
    assert train.both[train.ids.index((11, 6, 3))]


def test_stalled_reports_are_kept_where_they_are_asked_for(token_folder: Path) -> None:
    assert len(read(token_folder, stalled=True).train.y) == 410


def test_folds_share_no_sequence_and_have_about_equal_rows(corpus: Corpus) -> None:
    train, fold = corpus.train, folds_of(corpus.train)
    assert fold.tolist() == folds_of(train).tolist()
    assert fold.tolist() != folds_of(train, seed=2).tolist()
    for y in (0, 1):
        rows = np.bincount(fold[train.place[train.y == y]], minlength=3)
        assert rows.max() - rows.min() <= 12


def test_a_folder_without_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="LOGSENTRY_DATA"):
        read(tmp_path)


def test_damaged_rows_are_told(token_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab1500.json").write_bytes((token_folder / "vocab1500.json").read_bytes())
    (tmp_path / "train.jsonl.xz").write_bytes(b"not xz")
    with pytest.raises(InputError, match="cannot be read as token rows"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("kernel32.getprocaddress", "name"),
        ("0xfeee0001", "returned"),
        ("-0x1", "returned"),
        ("<ret_val>", "returned"),
        ("svchost.exe", "other"),
        ("windows", "other"),
        ("mfc42.ordinal_823", "name"),
    ],
)
def test_kinds_of_words(word: str, kind: str) -> None:
    assert kind_of(word) == kind


def test_views(corpus: Corpus) -> None:
    every = np.arange(len(corpus.train.ids))
    assert seen(corpus, View(), every).train == [ids[:512] for ids in corpus.train.ids]
    short = seen(corpus, View(length=3, vocabulary=8), every)
    assert {len(ids) for ids in short.train} <= {1, 2, 3}
    assert max(one for ids in short.train for one in ids) < 8 == short.vocabulary
    names = seen(corpus, View(keep="names"), every)
    assert {one for ids in names.train for one in ids} <= {5, 6, 7, 8}
    assert (UNK,) in seen(corpus, View(keep="neither"), every).train or all(11 in ids for ids in corpus.train.ids)
    cut = seen(corpus, View(cut="pieces at punctuation"), every)
    assert len(cut.train[0]) > len(corpus.train.ids[0])
    assert cut.vocabulary <= 1500


def test_rare_pieces_are_unknown() -> None:
    encode, size = pieces(["a.b a.b a.c"], 5)
    assert size == 5
    assert encode("a.b") == (4, 3, UNK)  # `.` and `a` came three times each, and `.` is first in order
