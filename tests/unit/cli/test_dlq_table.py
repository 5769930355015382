"""What a person sees of many dead letters: the newest, how many of each reason, and how to see the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from logsentry.cli import main
from logsentry.cli.dlq_table import SHOWN, by_reason, reason, table
from logsentry.cli.options import DEAD_LETTERS, ended
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.letters import Letter
from logsentry.schema.books import Books
from logsentry.schema.record import Record


def buried(path: Path, *reasons: str) -> Path:
    dead = DeadLetters(path)
    for number, why in enumerate(reasons):
        dead.write(Record(b"x%d" % number, "a.log", "0123", number, {"line": number + 1}), "http-access", why)
    dead.flush()
    return path


def dlq(*arguments: object) -> Result:
    return CliRunner().invoke(main.root, ["dlq", *map(str, arguments)])


def test_many_are_the_newest_20_and_a_count_for_each_reason(tmp_path: Path) -> None:
    year = [f"the year {year} at its place is outside" for year in range(1000, 1040)]
    file = buried(tmp_path / "dead", *["no access line"] * 1_200, *year)
    lines = dlq("list", "--file", file).stdout.splitlines()
    assert len(lines) == 1 + SHOWN + 1 + 5 + 1
    assert ("a.log:1221" in lines[1], "a.log:1240" in lines[SHOWN]) == (True, True)
    assert lines[SHOWN + 1] == "1,240 dead letters, 1,240 of them can be replayed"
    assert lines[-5:-2] == ["COUNT  WHY", "1,200  no access line", "   40  the year … at its place is outside"]
    assert "--all" in lines[-1]


@pytest.mark.parametrize("options", [(), ("--all",)])
def test_a_few_are_all_shown(tmp_path: Path, options: tuple[str, ...]) -> None:
    many = SHOWN + 5 if options else SHOWN
    lines = dlq("list", "--file", buried(tmp_path / "dead", *["no"] * many), *options).stdout.splitlines()
    assert len(lines) == 1 + many + 1
    assert lines[-1] == f"{many} dead letters, {many} of them can be replayed"


def test_one_is_one(tmp_path: Path) -> None:
    file = buried(tmp_path / "dead", "no")
    assert dlq("list", "--file", file).stdout.splitlines()[-1] == "1 dead letter, which can be replayed"
    assert table([Letter({"id": "a", "reason": "no"})], False).splitlines()[-1] == "1 dead letter, which cannot be replayed"
    assert dlq("purge", "--all", "--yes", "--file", file).stderr == "1 dead letter was thrown away\n"
    assert dlq("list", "--file", file).stdout.splitlines()[-1] == "0 dead letters, 0 of them can be replayed"


@given(st.lists(st.text(max_size=30), max_size=60))
def test_the_counts_add_up(reasons: list[str]) -> None:
    rows = by_reason([Letter({"id": str(at), "reason": why}) for at, why in enumerate(reasons)])[1:]
    assert sum(int(row.split()[0].replace(",", "")) for row in rows) == len(reasons)
    assert len(rows) <= 11


def test_what_belongs_to_one_record_is_left_out_of_its_reason() -> None:
    said = ["the time '17/Foo' is in no form, 1,204 bytes", "the time '18/Bar' is in no form, 7 bytes", "\x1b[31m" + "x" * 200]
    first, second, long = (reason(Letter({"id": "a", "reason": why})) for why in said)
    assert first == second == "the time … is in no form, … bytes"
    assert (len(long), "\x1b" in long) == (100, False)


@pytest.mark.parametrize(
    ("file", "hint"),
    [(DEAD_LETTERS, "list\n"), (Path("dead.ndjson"), "list --file dead.ndjson\n"), (Path("a b"), "list --file 'a b'\n")],
)
def test_a_run_says_how_to_list_its_dead_letters(capsys: pytest.CaptureFixture[str], file: Path, hint: str) -> None:
    assert ended(Books(read=1, dead_lettered=1), file, None) == 4
    assert capsys.readouterr().err.endswith(f"see logsentry dlq {hint}")


def test_the_help_of_score_names_every_exporter_of_ours() -> None:
    said = " ".join(CliRunner().invoke(main.root, ["score", "--help"]).stdout.split())
    for place in ("duckdb:FILE", "ndjson:FILE", "elasticsearch:URL", "splunk:URL", "`logsentry plugins list`"):
        assert place in said
