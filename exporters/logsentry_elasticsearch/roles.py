"""Who may do what: the smallest roles with which each part of logsentry works, and bodies for API keys that have them.

https://www.elastic.co/guide/en/elasticsearch/reference/8.19/security-privileges.html says what each privilege allows. Keys are not made by
the setup: each request makes another one, and its answer is a secret, which belongs on no screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from logsentry_elasticsearch.names import Names

_META = {"managed_by": "logsentry"}


def writer(names: Names) -> dict[str, Any]:
    """May add scores, and never change or delete one.

    `create_doc` and `auto_configure` are all that writing takes: documents are created, and a stream comes with its first one. `read`
    is for a pass that goes on after an earlier one: after a rollover the same id would be taken a second time, so the exporter asks
    which ids an older backing index has.
    """
    return _role(names.streams, ["auto_configure", "create_doc", "read"])


def reader(sources: Sequence[str]) -> dict[str, Any]:
    """May read what is to be scored: search, points in time, and the mapping that tells whether `event.ingested` is there."""
    return _role(sources, ["read", "view_index_metadata"])


def updater(sources: Sequence[str]) -> dict[str, Any]:
    """For `mode: update` alone, which writes the score into the source documents themselves."""
    return _role(sources, ["index", "read", "view_index_metadata"])


def installer(names: Names) -> dict[str, Any]:
    """May run the setup, but for the roles, which only an administrator of security can make."""
    cluster = ["manage_ilm", "manage_index_templates", "manage_ingest_pipelines", "monitor"]
    return _role(names.streams, ["view_index_metadata"]) | {"cluster": cluster}


def roles(names: Names, sources: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Name -> body; those that read only where it is known what."""
    found = {names.role("writer"): writer(names), names.role("setup"): installer(names)}
    if sources:
        found |= {names.role("reader"): reader(sources), names.role("updater"): updater(sources)}
    return found


def api_key(name: str, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The body of `POST /_security/api_key` for a key that has exactly these roles, whoever makes it."""
    return {"name": name, "role_descriptors": parts, "metadata": _META}


def keys(names: Names, sources: Sequence[str]) -> list[dict[str, Any]]:
    """One for the jobs, which read and write, and one for a job that writes into its sources."""
    known = roles(names, sources)
    jobs = [who for who in (names.role("writer"), names.role("reader")) if who in known]
    updates = [who for who in (names.role("updater"),) if who in known]
    return [
        api_key(name, {who: known[who] for who in whose})
        for name, whose in ((names.role("jobs"), jobs), (names.role("updates"), updates))
        if whose
    ]


def _role(indices: Sequence[str], privileges: list[str]) -> dict[str, Any]:
    return {"cluster": [], "indices": [{"names": list(indices), "privileges": privileges}], "metadata": _META}
