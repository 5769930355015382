"""Benchmarks: distinct windows, protocols, contradictions, samples; and HDFS as it is."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from logsentry.errors import InputError
from logsentry.experiments import hdfs_data
from logsentry.experiments.benchmark import benchmark
from logsentry.text.vocabulary import FIRST_KEY


def test_windows_are_distinct_and_counted() -> None:
    made = benchmark(
        "x", title="x", keys=9, train=[(3, 5, 4)], normal=[(3, 5, 4)] * 3 + [(3, 6, 4)], abnormal=[(3, 6, 4), (3, 1, 4)]
    )
    assert made.windows == [(3, 1, 4), (3, 5, 4), (3, 6, 4)]
    assert (made.normal.tolist(), made.abnormal.tolist()) == ([0, 3, 1], [1, 0, 1])
    assert made.contradictory() == [2]
    assert [made.said(window) for window in made.windows] == ["?", "1", "2"]
    assert list(made.protocols) == ["honest"]


def test_a_part_that_is_empty_is_told() -> None:
    with pytest.raises(InputError, match="no abnormal test window"):
        benchmark("x", title="x", keys=9, train=[(3, 4)], normal=[(3, 4)], abnormal=[])


def test_a_sample_is_drawn_from_sessions_of_both_kinds(hdfs_files: Path) -> None:
    whole = hdfs_data.read(hdfs_files)
    some = whole.sample(100, seed=1)
    assert some.normal.sum() + some.abnormal.sum() == 100
    assert set(some.windows) <= set(whole.windows)
    assert some.digest != whole.digest
    assert whole.sample(100, seed=1).digest == some.digest
    assert whole.sample(1_000_000, seed=1) is whole


def test_a_folder_of_sessions(hdfs_folder: Path) -> None:
    read = hdfs_data.read(hdfs_folder)
    assert (len(read.train), read.normal.sum(), read.abnormal.sum()) == (300, 500, 40)
    assert all(window[0] == 3 and window[-1] == 4 and min(window[1:-1]) >= 5 for window in read.windows)
    short = [window for window, kept in zip(read.windows, read.paper, strict=True) if not kept]
    assert short == [(3, 9, 9, 26, 4)]


@pytest.mark.parametrize("content", ["5 x 7\n", "5 29\n", "0\n"])
def test_other_lines_are_refused(hdfs_folder: Path, content: str) -> None:
    (hdfs_folder / "hdfs_train").write_text(content)
    with pytest.raises(InputError, match="1 to 28"):
        hdfs_data.read(hdfs_folder)


def test_a_damaged_archive_is_told(hdfs_folder: Path) -> None:
    packed = hdfs_folder / "hdfs_test_normal.xz"
    packed.write_bytes(lzma.compress(b"5 5\n" * 9000)[:-20])
    with pytest.raises(InputError, match="fetch it again"):
        hdfs_data.read(hdfs_folder)


def test_absent_data_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGSENTRY_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"set LOGSENTRY_DATA to the folder of the data sets.*github.com"):
        hdfs_data.read()


@pytest.mark.data
def test_hdfs_as_published(data: Path) -> None:
    """4,855 / 553,366 / 16,838 sessions, 10,647 of the last with 10 keys or more; 24 abnormal and 22 normal ones are equal."""
    read = hdfs_data.read(data / "loganomaly" / "hdfs_logdeep")
    assert (len(read.train), len(set(read.train)), read.normal.sum(), read.abnormal.sum()) == (4855, 839, 553_366, 16_838)
    assert read.abnormal[read.paper].sum() == 10_647
    both = read.contradictory()
    assert (len(both), read.abnormal[both].sum(), read.normal[both].sum()) == (10, 24, 22)


def test_keys_say_what_they_stand_for_where_that_is_known(hdfs_folder: Path) -> None:
    assert hdfs_data.read(hdfs_folder).rule_texts == ()
    templates = hdfs_folder / hdfs_data.TEMPLATES
    templates.parent.mkdir(parents=True)
    with lzma.open(templates, "wt") as file:
        file.write("".join(f"<*>template {number}<*>\n" for number in range(1, 34)))
    read = hdfs_data.read(hdfs_folder)
    assert (len(read.rule_texts), read.rule_texts[FIRST_KEY], read.rule_texts[-1]) == (
        read.keys,
        "<*>template 1<*>",
        "<*>template 28<*>",
    )
    with lzma.open(templates, "wt") as file:
        file.write("one\n")
    with pytest.raises(InputError, match="1 templates"):
        hdfs_data.read(hdfs_folder)
