"""`logsentry plugins`: what is installed, who offers it, and what failed to load; and for authors, a new one and its contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group(name="plugins")
def command() -> None:
    """Say what is installed, by whom, and what is broken; write a new plugin, and check one."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--tracebacks", is_flag=True, help="Show the whole traceback of plugins that failed to load.")
def list_(as_json: bool, tracebacks: bool) -> None:
    """List every plugin with what it offers. LOGSENTRY_LOAD_PLUGINS (names between commas) limits what is loaded."""
    import msgspec

    from logsentry.registry import installed

    registry = installed()
    plugins, conflicts = rows(registry), [*registry.conflicts, *hidden(registry)]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({"plugins": plugins, "conflicts": conflicts}), indent=2).decode())
    else:
        click.echo(table(plugins, conflicts, tracebacks))


@command.command(name="new")
@click.argument("name")
@click.option("--kind", type=click.Choice(["source"]), default="source", show_default=True, help="What the plugin offers.")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write; the plugin's name where none is given.")
def new(name: str, kind: str, out: Path | None) -> None:
    """Write a working plugin that is called NAME: project file, one module, one test, one sample. Its tests pass as written."""
    from logsentry.cli import talk
    from logsentry.scaffold.writing import write_plugin

    folder = out or Path(f"logsentry-{name}")
    for path in write_plugin(name, kind, folder):
        click.echo(path)
    talk.say(f"now: cd {folder} && python -m pytest; then pip install -e . and logsentry plugins check {name}")


@command.command(name="check")
@click.argument("name")
@click.option(
    "--sample", type=click.Path(path_type=Path), help="A file of its logs, where the plugin ships none beside its module."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--output", "whole", is_flag=True, help="Show all that the tests printed.")
def check(name: str, sample: Path | None, as_json: bool, whole: bool) -> int:
    """Run the contract of every source on the installed source NAME. Exit code 0: it keeps it, 1: it does not."""
    import msgspec

    from logsentry.scaffold.checking import check_source

    checked = check_source(name, sample)
    if as_json:
        told = {"source": checked.offer.name, "distribution": checked.offer.distribution, "records": checked.records}
        click.echo(msgspec.json.format(msgspec.json.encode(told | {"findings": checked.findings}), indent=2).decode())
    else:
        click.echo(verdict(checked) + (f"\n\n{checked.output.rstrip()}" if whole else ""))
    return 1 if checked.broken else 0


def verdict(checked: Any) -> str:
    """A line for each test of the contract, what was wrong below it, and a last line that sums up."""
    lines = []
    for finding in checked.findings:
        lines.append(f"{'BROKEN' if finding.wrong else 'ok':7}{finding.asked}")
        lines += [f"       {line}" for line in finding.wrong.splitlines()[:12]]
    kept = len(checked.findings) - checked.broken
    of = f"{checked.offer.name} of {checked.offer.distribution}, on {checked.records} records"
    return "\n".join([*lines, f"{of}: {kept} kept, {checked.broken} broken"])


def rows(registry: Any) -> list[dict[str, Any]]:
    """One mapping a plugin: name, distribution, version, milliseconds, offers, failure (the last line) and traceback."""
    found = []
    for plugin in registry.plugins:
        distribution, _, version = plugin.distribution.rpartition(" ")
        offers = [
            {"kind": offer.kind, "name": offer.name, "target": _spelled(offer.target)}
            for offer in registry.offers()
            if (offer.plugin, offer.distribution) == (plugin.name, plugin.distribution)
        ]
        last = plugin.failure.strip().splitlines()[-1] if plugin.failure else ""
        found.append(
            {"name": plugin.name, "distribution": distribution, "version": version, "milliseconds": round(plugin.milliseconds, 2)}
            | {"offers": offers, "failure": last, "traceback": plugin.failure}
        )
    return found


def hidden(registry: Any) -> list[str]:
    """One sentence for each command of a plugin that has the name of a built-in one."""
    from logsentry.cli.main import COMMANDS

    return [
        f"the command {offer.name!r} of {offer.distribution} is hidden by the built-in one of that name"
        for offer in registry.offers("commands")
        if offer.name in COMMANDS
    ]


def table(plugins: list[dict[str, Any]], conflicts: list[str], tracebacks: bool) -> str:
    """The same as aligned text: a line for each offer, then what failed, then conflicts."""
    lines = [("PLUGIN", "KIND", "OFFERS", "DISTRIBUTION", "VERSION", "LOAD")]
    for plugin in plugins:
        tail = (plugin["distribution"], plugin["version"], f"{plugin['milliseconds']:.1f} ms")
        offers = [(offer["kind"], offer["name"]) for offer in plugin["offers"]] or [("-", "FAILED" if plugin["failure"] else "-")]
        lines += [(plugin["name"], *offer, *tail) for offer in offers]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    for plugin in plugins:
        if plugin["failure"]:
            shown = plugin["traceback"].rstrip() if tracebacks else plugin["failure"]
            text += ["", f"{plugin['name']} of {plugin['distribution']} {plugin['version']} failed to load: {shown}"]
    return "\n".join([*text, *(f"\nconflict: {sentence}" for sentence in conflicts)])


def _spelled(target: Any) -> str:
    return target if isinstance(target, str) else f"{target.__module__}:{getattr(target, '__qualname__', type(target).__name__)}"
