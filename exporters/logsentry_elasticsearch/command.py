"""`logsentry elastic`: prepares a cluster for scores. What it makes is in `setup`, what Kibana shows in `kibana_objects`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from logsentry_elasticsearch.connection import Connection
    from logsentry_elasticsearch.offer import Wishes
    from logsentry_elasticsearch.setup import Finding

_WHERE = [
    click.option("--url", envvar="LOGSENTRY_ELASTICSEARCH_URL", default="", help="The cluster, for instance https://host:9200."),
    click.option("--cloud-id", default="", help="The cluster by the id that Elastic Cloud shows, instead of --url."),
    click.option("--ca-file", default="", help="Certificate authorities to trust; else LOGSENTRY_ELASTICSEARCH_CA_FILE."),
    click.option("--fingerprint", default="", help="SHA-256 of the certificate, or of its authority, to pin."),
    click.option("--insecure", is_flag=True, help="Do not verify certificates."),
]

_WHAT = [
    click.option("--namespace", default="", help="Set up this namespace for itself; without it, every namespace at once."),
    click.option("--keep", "days", default=90, show_default=True, type=click.IntRange(min=1), help="Days to keep scores."),
    click.option(
        "--lifecycle", default="auto", show_default=True, type=click.Choice(["auto", "stream", "policy", "none"]),
        help="How they end: by the stream's own lifecycle, or an ILM policy. auto takes the first that the cluster offers.",
    ),
    click.option("--sources", multiple=True, help="An index or pattern that is scored; makes roles for it. May be repeated."),
]  # fmt: skip


def _options(options: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


@click.group(name="elastic")
def command() -> None:
    """Prepare Elasticsearch and Kibana for scores.

    A user name and password, or an API key, are taken from LOGSENTRY_ELASTICSEARCH_USERNAME and _PASSWORD, or _API_KEY, since a command
    line is seen by everybody on the machine.
    """


@command.command(name="setup")
@_options([*_WHERE, *_WHAT])
@click.option("--kibana", default="", help="Bring data views and the dashboard into Kibana at this address, with its port.")
@click.option("--out", type=click.Path(path_type=Path), help="Write them as a file into this folder, to be imported by hand.")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and change nothing.")
@click.option("--print", "printed", is_flag=True, help="Print each request, for Kibana's console, and ask no cluster.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list on stdout.")
def setup(
    kibana: str, out: Path | None, dry_run: bool, printed: bool, as_json: bool,
    namespace: str, days: int, lifecycle: str, sources: tuple[str, ...], **where: Any,
) -> int:  # fmt: skip
    """Make templates, lifecycle, pipeline and roles.

    A second run finds all of it and changes nothing.

    Exit code 0: all is there, or would be; 1: the cluster or Kibana refused something; 2: an option is wrong.
    """
    from logsentry_elasticsearch.connection import Connection
    from logsentry_elasticsearch.names import Names
    from logsentry_elasticsearch.offer import Wishes

    wishes = Wishes(Names(namespace), days, lifecycle, sources)
    if out:
        click.echo(f"written   {_written(wishes, out)}", err=True)
    if printed:
        click.echo(_requests(wishes, as_json))
        return 0
    refused = _made(Connection(**where), wishes, dry_run, as_json)
    if kibana:
        done = "would bring in" if dry_run else _imported(Connection(**{**where, "url": kibana, "cloud_id": ""}), wishes)
        click.echo(f"{done:<12}  data views and dashboard of Kibana", err=as_json)
    return 1 if refused else 0


def _made(where: Connection, wishes: Wishes, dry: bool, as_json: bool) -> bool:
    """Whether something was refused."""
    import msgspec

    from logsentry_elasticsearch.connection import Cluster
    from logsentry_elasticsearch.setup import remarks, run

    cluster, findings = Cluster(where), []
    for finding in run(cluster, wishes, dry):
        findings.append(finding)
        if not as_json:
            click.echo(line(finding, dry))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode())
    changed = any(finding.state in ("changed", "differs") for finding in findings)
    for remark in remarks(cluster, wishes.names, changed):
        click.echo(remark, err=True)
    cluster.close()
    return any(finding.state == "refused" for finding in findings)


def line(finding: Finding, dry: bool) -> str:
    """One thing as a line, and a line for each path that differs."""
    state = {"missing": "would make", "differs": "would change"}.get(finding.state, finding.state) if dry else finding.state
    head = f"{state:<12}  {finding.kind} {finding.name}".rstrip()
    if finding.state in ("left out", "refused"):
        return f"{head}: {'; '.join(finding.notes)}"
    return "\n".join([head, *(f"{'':12}    {note}" for note in finding.notes)])


def _requests(wishes: Wishes, as_json: bool) -> str:
    """Every request as Kibana's console takes it, for a cluster that offers everything."""
    from logsentry_elasticsearch.offer import Offer
    from logsentry_elasticsearch.roles import keys
    from logsentry_elasticsearch.setup import items

    kept = wishes.lifecycle if wishes.lifecycle != "auto" else "stream"
    made = [("PUT", item.path, item.body) for item in items(wishes, Offer(kept))]  # type: ignore[arg-type]
    made += [("POST", "/_security/api_key", body) for body in keys(wishes.names, wishes.sources)]
    if as_json:
        return json.dumps([{"method": method, "path": path, "body": body} for method, path, body in made], indent=2)
    return "\n\n".join(f"{method} {path}\n{json.dumps(body, indent=2)}" for method, path, body in made)


def _written(wishes: Wishes, folder: Path) -> Path:
    from logsentry_elasticsearch.kibana import FILE
    from logsentry_elasticsearch.kibana_objects import ndjson, objects

    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(ndjson(objects(wishes.names, wishes.sources)))
    return folder / FILE


def _imported(where: Connection, wishes: Wishes) -> str:
    from logsentry_elasticsearch.kibana import Kibana
    from logsentry_elasticsearch.kibana_objects import objects

    kibana = Kibana(where)
    kibana.bring(objects(wishes.names, wishes.sources))
    kibana.close()
    return "brought in"
