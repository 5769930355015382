"""`logsentry doctor`: is this machine, and this installation, fit to score?"""

from __future__ import annotations

from pathlib import Path

import click

from logsentry.cli.options import store_option

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": None}


@click.command(name="doctor")
@store_option
@click.option("--json", "as_json", is_flag=True, help="One JSON list on stdout.")
def command(store: Path, as_json: bool) -> int:
    """Check this machine and this installation; exits with 1 where something must be mended."""
    import msgspec

    from logsentry.cli import checks

    findings = []
    for finding in checks.everything(store):
        findings.append(finding)
        if not as_json:
            state = click.style(f"{finding.state:4}", fg=_COLOURS[finding.state])
            click.echo(f"{state}  {finding.what}" + (f"; {finding.todo}" if finding.todo else ""))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode())
    return 1 if any(finding.state == "fail" for finding in findings) else 0
