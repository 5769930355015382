"""The command `logsentry`: a table of commands whose modules are imported when they are called.

Each command is glue in its own module: options, one call, one print. What ends a command is in `ending`; what plugins add
comes after the table and is loaded only when it is asked for.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import click

from logsentry import __version__
from logsentry.cli import ending, talk
from logsentry.errors import Conflict, ContractBroken, UsageError

COMMANDS = {
    "demo": ("logsentry.cli.demo:command", "Score real access logs that come with the package, and write a report."),
    "decode": ("logsentry.cli.decode:command", "Turn raw logs into events, as JSON lines."),
    "train": ("logsentry.cli.train:command", "Fit a detector on ordinary logs and store it as a bundle."),
    "score": ("logsentry.cli.score:command", "Score logs with a bundle, as JSON lines or into a store."),
    "run": ("logsentry.cli.run:command", "Score what a configuration names, and go on where the last run stopped."),
    "enrich": ("logsentry.cli.enrich:command", "Score what is new in Elasticsearch indices: one pass of a scheduled job."),
    "serve": ("logsentry.cli.serve:command", "Hold bundles in memory and score for other programs."),
    "client": ("logsentry.cli.client:command", "Score logs on a running server, and see what it serves."),
    "dlq": ("logsentry.cli.dlq:command", "List, show, replay and purge what could not be read or stored."),
    "state": ("logsentry.cli.state:command", "Check and repair where runs stand."),
    "report": ("logsentry.cli.report:command", "Write one HTML page about scores."),
    "models": ("logsentry.cli.models:command", "List, verify, promote and roll back bundles."),
    "plugins": ("logsentry.cli.plugins:command", "Say what is installed, by whom, and what is broken."),
    "config": ("logsentry.cli.config:command", "Check and show configuration files."),
    "experiment": ("logsentry.cli.experiment:command", "Reproduce a published table or figure on your machine."),
    "doctor": ("logsentry.cli.doctor:command", "Check this machine and this installation."),
}
"""Name -> where the command is, and what `--help` says of it. The order is that of a first visit."""


class Commands(click.Group):
    """A group that knows its commands by name alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name, _ in _offered())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return _of_plugin(cmd_name)
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        return _with_common_options(getattr(import_module(module), attribute))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), 1)
            raise UsageError(
                f"there is no command {name!r}; " + (f"did you mean {near[0]!r}?" if near else "see logsentry --help")
            )
        return name, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])
        if offered := _offered():
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, f"from {distribution}") for name, distribution in offered])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the boundary: the person sees a sentence, not Python
            raise click.exceptions.Exit(ending.code(error)) from None
        if isinstance(answer, int) and answer:
            raise click.exceptions.Exit(answer)
        return answer


def _offered() -> list[tuple[str, str]]:
    """(name, distribution) of the commands that plugins add; a name of ours stays ours."""
    from logsentry.registry import installed

    return [(offer.name, offer.distribution) for offer in installed().offers("commands") if offer.name not in COMMANDS]


def _of_plugin(name: str) -> click.Command | None:
    """The command of a plugin, or None; raises `Conflict` and `ContractBroken` as the registry does."""
    from logsentry.registry import installed

    try:
        command = installed().get("commands", name)
    except Conflict:
        raise
    except UsageError:
        return None
    if not isinstance(command, click.Command):
        raise ContractBroken(f"the command {name!r} of a plugin is a {type(command).__name__} and not a click.Command")
    return _with_common_options(command)


def _flag(*names: str, help: str, then: Callable[[], None]) -> click.Option:
    def called(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            then()

    return click.Option(names, is_flag=True, expose_value=False, is_eager=True, help=help, callback=called)


COMMON = [
    _flag("--quiet", "-q", help="No talk and no progress bar; warnings and errors stay.", then=talk.be_quiet),
    _flag("--debug", help="Show Python's traceback when something goes wrong.", then=ending.debug),
]


def _with_common_options(command: click.Command) -> click.Command:
    """`logsentry score --quiet` is the same as `logsentry --quiet score`."""
    taken = {name for param in command.params for name in param.opts}
    command.params += [option for option in COMMON if taken.isdisjoint(option.opts)]
    for inner in getattr(command, "commands", {}).values():
        _with_common_options(inner)
    return command


@click.command(
    cls=Commands, params=list(COMMON), context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="logsentry", message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context) -> None:
    """Score the logs you already collect with detectors you can train and trust.

    Data goes to stdout, talk to stderr. Exit codes: 0 fine, 1 failure, 2 usage, 3 findings with --fail-on, 4 something was
    dead-lettered, 130 interrupted.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    root.main(arguments, prog_name="logsentry")
