"""`logsentry client`: ask a server that is running elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from logsentry.cli import talk
from logsentry.cli.options import DEAD_LETTERED, FINDINGS
from logsentry.cli.progress import bar

if TYPE_CHECKING:
    from logsentry.server.client import Client

SHOWN = 10
"""Refused records that are told one by one."""

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(name="client")
def command() -> None:
    """Score logs on a running server, and see or switch what it serves.

    The token, where the server wants one, comes from LOGSENTRY_TOKEN or --token-file.
    """


def _address() -> str:
    return os.environ.get("LOGSENTRY_SERVER", "http://127.0.0.1:8642")


def asks(called: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which server, and who asks."""
    for option in (
        click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=120.0, show_default=True,
                     help="How long one request may take, all its tries together."),
        click.option("--key", type=FILE, default=None, help="The key of --certificate."),
        click.option("--certificate", type=FILE, default=None, help="This client's own, for a server that asks for one."),
        click.option("--ca-file", type=FILE, default=None, help="The authority that signed the server's certificate."),
        click.option("--token-file", type=FILE, default=None, help="A file that holds the token and nothing else."),
        click.option("--server", metavar="URL", default=_address, show_default="LOGSENTRY_SERVER, or http://127.0.0.1:8642"),
    ):  # fmt: skip
        called = option(called)
    return called


@command.command()
@asks
@click.option("--source", required=True, help="The kind of log, for instance http-access.")
@click.argument("paths", nargs=-1, required=True)
@click.option("--model", default="", help="Which one, where several are served for this source.")
@click.option(
    "--as", "form", type=click.Choice(["raw", "events"]), default="raw", show_default=True, help="events: ECS documents."
)
@click.option(
    "--chunk-lines",
    type=click.IntRange(1),
    default=None,
    help="Cut files after so many lines, where one is too large for a request; sessions are cut with them.",
)
@click.option("--compress", is_flag=True, help="Send gzip, for a slow network.")
@click.option("--fail-on", type=click.Choice(["alert"]), default=None, help="Exit with 3 when a window alerts.")
def score(
    paths: tuple[str, ...],
    source: str,
    model: str,
    form: str,
    chunk_lines: int | None,
    compress: bool,
    fail_on: str | None,
    **server: Any,
) -> int:
    """Score PATHS (files, globs, or - for stdin), and print the JSON lines that `logsentry score` prints.

    Each file is one request, so that its sessions are judged whole.
    """
    from logsentry.server.posting import Plan, post

    plan = Plan(source, model, form, chunk_lines or 0)
    with bar("scoring", in_bytes=True) as progress:
        posted = post(_client(**server, compress=compress), plan, paths, _printed, progress)
    for refusal in posted.refusals[:SHOWN]:
        talk.warn(f"{refusal.path}, line {refusal.line}: {refusal.reason}")
    if len(posted.refusals) > SHOWN:
        talk.warn(f"{len(posted.refusals) - SHOWN:,} further records could not be read")
    if posted.model:
        talk.say(f"{posted.windows:,} windows scored by {posted.model}, {posted.alerts:,} at or above the threshold")
        talk.say(posted.books.sentence())
    if posted.failure is not None:
        if posted.ended and len(paths) > 1:
            talk.warn(f"{posted.ended}, and what follows it, was not scored to its end")
        raise posted.failure
    return FINDINGS if fail_on and posted.alerts else DEAD_LETTERED if posted.books.dead_lettered else 0


@command.command()
@asks
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
def models(as_json: bool, **server: Any) -> None:
    """What the server's store holds, and what of it is served."""
    import msgspec

    rows = _client(**server).models()
    if as_json:
        click.echo(msgspec.json.encode(rows))
        return
    for row in (("NAME", "VERSION", "STATE", ""), *((row.name, row.version or "-", row.state, row.reason) for row in rows)):
        click.echo("{:<24} {:<12} {:<11} {}".format(*row).rstrip())


@command.command()
@asks
@click.argument("name")
def load(name: str, **server: Any) -> None:
    """Serve NAME, or what it points to by now; the server has to allow it (`serve --control`)."""
    _client(**server).load(name)
    talk.say(f"{name} is served")


@command.command()
@asks
@click.argument("name")
def unload(name: str, **server: Any) -> None:
    """Serve NAME no more, until it is loaded again."""
    _client(**server).unload(name)
    talk.say(f"{name} is not served any more")


def _client(server: str, token_file: Path | None, compress: bool = False, **rest: Any) -> Client:
    from logsentry.errors import UsageError
    from logsentry.schema.secret import given
    from logsentry.server.client import Client, Connection

    try:
        token = given(f"file:{token_file}" if token_file else os.environ.get("LOGSENTRY_TOKEN", ""))
    except ValueError as error:
        raise UsageError(f"the token {error}") from error
    files = {name: str(rest[name] or "") for name in ("ca_file", "certificate", "key")}
    to = Connection(server, token if token.reveal() else None, **files, seconds=rest["seconds"], compress=compress)
    if to.exposed:
        talk.warn(f"the token crosses the network unencrypted on its way to {server}; use https")
    return Client(to, talk.warn)


def _printed(lines: bytes) -> None:
    sys.stdout.buffer.write(lines)
    sys.stdout.buffer.flush()
