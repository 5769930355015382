"""`logsentry serve`: hold the bundles of a store in memory and score for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from logsentry.cli import talk
from logsentry.cli.options import gpu_options, store_option
from logsentry.errors import MissingExtra, UsageError

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="serve")
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Another than loopback needs --tokens or --client-ca.")
@click.option("--port", type=click.IntRange(0, 65535), default=8642, show_default=True, help="0 is any that is free.")
@click.option("--tokens", type=FILE, default=None, help="A file with lines `role token`; the roles are read, score and admin.")
@click.option("--certificate", type=FILE, default=None, help="TLS: the certificate and those that vouch for it, PEM.")
@click.option("--key", type=FILE, default=None, help="TLS: its key, PEM.")
@click.option("--client-ca", type=FILE, default=None, help="Let in only clients with a certificate of this authority.")
@click.option("--control", is_flag=True, help="Allow role admin to load and unload models.")
@click.option(
    "--providers",
    "--device",
    "providers",
    default="cpu",
    show_default=True,
    metavar="LIST",
    help="cuda or tensorrt, or cuda,cpu where a CPU may stand in.",
)
@gpu_options
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True)
@click.option("--vote", type=click.Choice(["majority", "majority-early", "mean"]), default="majority", show_default=True)
@click.option("--alerts-per-day", type=float, default=None, help="Another budget than the bundles were calibrated for.")
@click.option(
    "--table", type=click.IntRange(0), default=100_000, show_default=True, help="Distinct windows remembered; 0 turns it off."
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of one model's session.")
@click.option("--batch", type=int, default=None, help="Windows judged together at most; 1 turns batching off.  [default: 512]")
@click.option("--wait-ms", type=float, default=None, help="That an idle model waits for company before it starts.  [default: 0]")
@click.option("--limit", "limits", multiple=True, metavar="NAME=NUMBER", help="Another limit, for instance body_bytes=1048576.")
@click.option(
    "--forward", type=FILE, multiple=True, help="A configuration of what forwarders may deliver here; may be given several times."
)
@click.option("--access-log", is_flag=True, help="Log a line for each request.")
def command(
    store: Path,
    host: str,
    port: int,
    tokens: Path | None,
    certificate: Path | None,
    key: Path | None,
    client_ca: Path | None,
    control: bool,
    providers: str,
    batch: int | None,
    wait_ms: float | None,
    limits: tuple[str, ...],
    forward: tuple[Path, ...],
    access_log: bool,
    **options: object,
) -> None:
    """Serve every bundle that the store has a name for, until SIGTERM: the open inference protocol v2 under /v2, raw logs under
    /v1/score, metrics under /metrics. A name that is promoted or rolled back is followed without a pause.

    Logs are JSON lines on stderr. Tokens may also come from LOGSENTRY_READ_TOKEN, LOGSENTRY_SCORE_TOKEN and LOGSENTRY_ADMIN_TOKEN.
    """
    try:
        from logsentry.server import ecs_logs, serving
        from logsentry.server.access import read_tokens
        from logsentry.server.app import Settings
        from logsentry.server.limits import Limits, given
    except ModuleNotFoundError as error:
        raise MissingExtra(f"serving needs {error.name}: pip install 'logsentry[serve]'") from error
    from logsentry.pipeline.opening import scorer_options

    listening = serving.Listening(host, port, certificate, key, client_ca)
    chosen = scorer_options({**options, "providers": tuple(filter(None, providers.split(",")))})
    settings = Settings(
        store, chosen, given(_named(limits, batch, wait_ms), Limits()), control, access_log=access_log, forward=forward
    )
    access = read_tokens(tokens)
    ecs_logs.to_stderr(talk.is_quiet())
    serving.serve(settings, access, listening)


def _named(limits: tuple[str, ...], batch: int | None, wait_ms: float | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for limit in limits:
        name, sign, number = limit.partition("=")
        if not sign:
            raise UsageError(f"--limit takes NAME=NUMBER, and not {limit!r}")
        found[name] = number
    if batch is not None:
        found["batch"] = batch
    if wait_ms is not None:
        found["wait_seconds"] = wait_ms / 1000
    return found
