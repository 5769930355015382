"""`logsentry models`: what is in the store, whether it is whole, and which bundle a name points to."""

from __future__ import annotations

from pathlib import Path

import click

from logsentry.cli.options import store_option


@click.group(name="models")
def command() -> None:
    """Look at, verify and switch bundles."""


@command.command(name="list")
@store_option
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
def list_(store: Path, as_json: bool) -> None:
    """The names in the store, what each points to and what it pointed to before."""
    from logsentry.store import listing

    click.echo(listing.as_json(store) if as_json else listing.as_table(store))


@command.command()
@click.argument("reference")
@store_option
def show(reference: str, store: Path) -> None:
    """The manifest of a bundle, as JSON."""
    from logsentry.pipeline.finding import find_bundle

    click.echo(find_bundle(reference, store).manifest.to_bytes(), nl=False)


@command.command()
@click.argument("reference")
@store_option
def verify(reference: str, store: Path) -> None:
    """Check a bundle's hashes and replay its probe.

    The probe runs in this machine's onnxruntime and has to answer as in training.
    """
    from logsentry.pipeline.opening import verify_bundle

    click.echo(verify_bundle(reference, store))


@command.command()
@click.argument("name")
@click.argument("digest")
@store_option
@click.option("--another-source", is_flag=True, help="Also where the bundle is for another kind of log than NAME's was.")
def promote(name: str, digest: str, store: Path, another_source: bool) -> None:
    """Let NAME point to another bundle of the store.

    DIGEST is its first twelve digits, as `train` printed them behind the @ and `models list` has them under DIGEST and EARLIER; jobs and
    servers follow by themselves.
    """
    from logsentry.store.bundles import Store

    click.echo(f"{name} is now {Store(store).promote(name, digest, another_source).reference}")


@command.command()
@click.argument("name")
@store_option
def rollback(name: str, store: Path) -> None:
    """Let NAME point to what it pointed to before.

    A second rollback undoes the first, where NAME has had two bundles.
    """
    from logsentry.store.bundles import Store

    click.echo(f"{name} is now {Store(store).rollback(name).reference}")
