"""`logsentry plugins`: what is installed, who offers it, and what failed to load."""

from __future__ import annotations

from typing import Any

import click


@click.group(name="plugins")
def command() -> None:
    """Say what is installed, by whom, and what is broken."""


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
