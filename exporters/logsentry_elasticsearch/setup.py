"""What the setup makes in a cluster, in which order, and what of it is there already.

Everything is made with PUT and a body that depends on the options alone, so a second run finds everything equal and does nothing.
What a cluster does not offer is left out, and said. Which bodies there are is in `templates`, `lifecycle`, `ingest` and `roles`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from logsentry.sdk import Unavailable
from logsentry_elasticsearch import ingest, lifecycle, templates
from logsentry_elasticsearch.connection import Cluster
from logsentry_elasticsearch.differences import differences
from logsentry_elasticsearch.names import STREAMS, Names
from logsentry_elasticsearch.offer import Offer, Wishes, offer_of
from logsentry_elasticsearch.roles import roles

State = Literal["missing", "equal", "differs", "made", "changed", "refused", "left out"]


class Item(msgspec.Struct, frozen=True):
    """One thing to make: a path, and what PUT sends there."""

    kind: str
    name: str
    path: str
    body: dict[str, Any]


class Finding(msgspec.Struct, frozen=True):
    """What became of one thing; `notes` say what differs, or why it was refused or left out."""

    state: State
    kind: str
    name: str
    notes: tuple[str, ...] = ()


def items(wishes: Wishes, offer: Offer) -> list[Item]:
    """Everything to make, each after what it refers to."""
    names, made = wishes.names, []
    if offer.lifecycle == "policy":
        made.append(_item("lifecycle policy", "_ilm/policy", names.policy, lifecycle.policy(wishes.days)))
    if offer.pipelines:
        body = ingest.pipeline(names.part("custom"))
        made.append(_item("ingest pipeline", "_ingest/pipeline", names.part("pipeline"), body))
    made.append(_item("component template", "_component_template", names.part("mappings"), templates.mappings(offer.opensearch)))
    settings = templates.settings(
        names.policy if offer.lifecycle == "policy" else "", names.part("pipeline") if offer.pipelines else ""
    )
    made.append(_item("component template", "_component_template", names.part("settings"), settings))
    kept = lifecycle.of_stream(wishes.days) if offer.lifecycle == "stream" else None
    for kind in STREAMS:
        body = templates.index_template(names, kind, kept, hook=not offer.opensearch)
        made.append(_item("index template", "_index_template", names.template(kind), body))
    if offer.roles and wishes.sources:
        made += [_item("role", "_security/role", name, body) for name, body in roles(names, wishes.sources).items()]
    return made


def examine(cluster: Cluster, item: Item) -> Finding:
    """How one thing stands; raises `Unavailable` where the cluster refuses to say."""
    answer = cluster.request("GET", item.path)
    if answer.status == 404:
        return Finding("missing", item.kind, item.name)
    if answer.status != 200:
        raise Unavailable(f"{cluster.named} does not say whether it has the {item.kind} {item.name}: {answer.reason()}")
    found = differences(item.body, _inside(answer.json(), item.name))
    return Finding("differs" if found else "equal", item.kind, item.name, tuple(found))


def make(cluster: Cluster, item: Item, found: Finding) -> Finding:
    """Makes what is missing and changes what differs; a refusal is a finding, since what comes after it may still be possible."""
    if found.state == "equal":
        return found
    answer = cluster.request("PUT", item.path, item.body)
    if answer.status not in (200, 201):
        return msgspec.structs.replace(found, state="refused", notes=(answer.reason(),))
    return msgspec.structs.replace(found, state="made" if found.state == "missing" else "changed")


def run(cluster: Cluster, wishes: Wishes, dry: bool) -> Iterator[Finding]:
    """A finding for each thing, as it is done; nothing is changed where `dry`."""
    offer = offer_of(cluster, wishes)
    for what, why in offer.notes:
        yield Finding("left out", what, "", (why,))
    for item in items(wishes, offer):
        found = examine(cluster, item)
        yield found if dry else make(cluster, item, found)


def remarks(cluster: Cluster, names: Names, changed: bool) -> list[str]:
    """What a person should know of the streams that are there; nothing where this user may not see them.

    Templates reach a stream with its next rollover, and never a plain index, which is what some clusters make of the first score where
    the setup comes after it.
    """
    pattern = names.stream("*")  # a name that is not there would be an error, and a pattern finds nothing
    answer = cluster.request("GET", f"/_resolve/index/{pattern}")
    if answer.status != 200:
        return []
    said = answer.json()
    streams = [stream["name"] for stream in said["data_streams"]] if changed else []
    plain = [index["name"] for index in said["indices"] if "data_stream" not in index]
    return [f"{name} is there already and takes changes with its next rollover: POST {name}/_rollover" for name in streams] + [
        f"{name} is a plain index, written before there were templates, and they do not reach it: delete it, or take another namespace"
        for name in plain
    ]


def _item(kind: str, place: str, name: str, body: dict[str, Any]) -> Item:
    return Item(kind, name, f"/{place}/{quote(name, safe='@')}", body)


def _inside(answer: Any, name: str) -> dict[str, Any]:
    """The thing itself in an answer that holds it as a list of one, or below its name."""
    for many, one in (("component_templates", "component_template"), ("index_templates", "index_template")):
        if many in answer:
            return dict(answer[many][0][one])
    return dict(answer[name])
