"""The command line's frame: commands by name, one sentence for everything that ends one, and the documented codes."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from logsentry import __version__, errors, registry
from logsentry.cli import main, talk
from logsentry.registry import Registry


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main.root, list(arguments), env=environment)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that adds a command `try` which does what it is given."""

    def added(body: Callable[[], Any]) -> None:
        monkeypatch.setitem(main.COMMANDS, "try", (f"{__name__}:it", "Try."))
        monkeypatch.setattr(sys.modules[__name__], "it", click.command(name="try")(body), raising=False)

    return added


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry of this process, with a plugin that offers the commands `extra`, `score` and `wrong`."""
    filled = Registry()
    for name, target in [("extra", f"{__name__}:extra"), ("score", f"{__name__}:extra"), ("wrong", int), ("gone", "no.such:it")]:
        filled._take(registry.Offer("commands", name, target, "more", "more-commands 2.1"))
    monkeypatch.setattr(registry, "installed", lambda: filled)
    return filled


@click.group()
def extra() -> None:
    """A command of a plugin."""


@extra.command()
def inner() -> None:
    talk.say("talk")
    click.echo("data")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or importlib.import_module(__name__))


def test_help_lists_every_command_with_its_line() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for name, (_, line) in main.COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert line.split()[0] in done.stdout


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == f"logsentry {__version__}\n"


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_of_the_table_exists_and_answers_help(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0, done.stderr
    assert "--quiet" in done.stdout
    assert "--debug" in done.stdout


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    done = run("scor")
    assert (done.exit_code, done.stderr) == (2, "logsentry: there is no command 'scor'; did you mean 'score'?\n")
    done = run("xyzzy")
    assert (done.exit_code, done.stderr) == (2, "logsentry: there is no command 'xyzzy'; see logsentry --help\n")


def test_a_wrong_option_is_usage() -> None:
    done = run("config", "show", "x", "--redat")
    assert done.exit_code == 2
    assert "--redact" in done.stderr


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (errors.InputError("a.log is a directory"), 1, "logsentry: a.log is a directory\n"),
        (errors.UsageError("say which"), 2, "logsentry: say which\n"),
        (errors.ConfigError("c.yaml:3: wrong"), 2, "logsentry: c.yaml:3: wrong\n"),
        (errors.InputError("two\nlines \x1b[31m"), 1, "logsentry: two\\nlines \\x1b[31m\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "logsentry: /x: Permission denied\n"),
        (OSError(28, "No space left on device"), 1, "logsentry: cannot read or write: No space left on device\n"),
        (MemoryError(), 1, "logsentry: there is not enough memory\n"),
        (KeyboardInterrupt(), 130, "logsentry: interrupted\n"),
        (EOFError("cut off"), 1, "logsentry: a defect: EOFError: cut off ("),
        (KeyError("k"), 1, "logsentry: a defect: KeyError: 'k' ("),
    ],
)
def test_whatever_is_raised_becomes_one_sentence_and_a_code(
    command: Callable[..., None], raised: BaseException, code: int, said: str
) -> None:
    def fails() -> None:
        raise raised

    command(fails)
    done = run("try")
    assert done.exit_code == code
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_defect_names_its_place_and_how_to_report_it(command: Callable[..., None]) -> None:
    command(lambda: registry.Offer("inputs", "x", 5, "p", "d").load().nothing)
    said = run("try").stderr
    assert "AttributeError" in said
    assert "(logsentry/cli/main.py:" in said
    assert "please report it" in said
    assert "--debug" in said


@pytest.mark.parametrize(("arguments", "variable"), [(["--debug", "try"], ""), (["try", "--debug"], ""), (["try"], "1")])
def test_a_traceback_is_shown_only_when_asked_for(command: Callable[..., None], arguments: list[str], variable: str) -> None:
    command(lambda: 1 / 0)
    done = run(*arguments, LOGSENTRY_DEBUG=variable)
    assert done.exit_code == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "Traceback" not in run("try", LOGSENTRY_DEBUG="0").stderr


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (3, 3), (4, 4)])
def test_what_a_command_answers_is_the_exit_code(command: Callable[..., None], answer: int | None, code: int) -> None:
    command(lambda: answer)
    assert run("try").exit_code == code


@pytest.mark.parametrize("arguments", [["--quiet", "try"], ["-q", "try"], ["try", "--quiet"], ["try", "-q"]])
def test_quiet_silences_talk_and_nothing_else(command: Callable[..., None], arguments: list[str]) -> None:
    def talks() -> None:
        talk.say("so it goes")
        talk.warn("look here")
        click.echo("data")

    command(talks)
    done = run(*arguments)
    assert (done.stdout, done.stderr) == ("data\n", "warning: look here\n")
    assert run("try").stderr == "so it goes\nwarning: look here\n"


def test_a_plugins_command_comes_after_ours_and_only_when_needed(offered: Registry) -> None:
    help = run("--help").stdout
    assert help.index("Commands:") < help.index("Commands of plugins:") < help.index("extra")
    assert "from more-commands 2.1" in help
    assert help.count("  score ") == 1
    done = run("extra", "inner", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "data\n", "")
    assert "did you mean 'extra'?" in run("extr").stderr


def test_a_plugins_command_that_is_none_is_its_authors_defect(offered: Registry) -> None:
    done = run("wrong")
    assert (done.exit_code, done.stderr) == (1, "logsentry: the command 'wrong' of a plugin is a type and not a click.Command\n")
    done = run("gone")
    assert done.exit_code == 1
    assert "commands 'gone' of more-commands 2.1 cannot be imported" in done.stderr


def process(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "logsentry", *arguments], stderr=subprocess.PIPE, **options)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = process("config", "schema", stdout=write)
    os.close(write)
    assert (done.communicate()[1], done.returncode) == (b"", 141)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_told_in_a_sentence() -> None:
    with open("/dev/full", "wb") as full:
        done = process("config", "schema", stdout=full)
        said = done.communicate()[1]
    assert (said, done.returncode) == (b"logsentry: cannot read or write: No space left on device\n", 1)


def test_entry_point_and_module_are_the_same_command() -> None:
    assert EntryPoint("logsentry", "logsentry.cli.main:main", "console_scripts").load() is main.main
    done = process("--version", stdout=subprocess.PIPE)
    assert done.communicate() == (f"logsentry {__version__}\n".encode(), b"")
