"""The store as a table or JSON: names, digests, sources, and whether each bundle reads whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from logsentry.errors import LogsentryError
from logsentry.store.bundles import Store

EARLIER_SHOWN = 3
"""Earlier bundles of a name that the table shows, newest first; the JSON has all of them, whole."""


def rows(root: Path) -> list[dict[str, Any]]:
    """One row a name; a damaged bundle is a row with its reason, not an error.

    `earlier` has the digests that the name pointed to before and that are still there, newest first: `rollback` goes to the first.
    """
    store, found = Store(root), []
    there = set(store.digests())
    for name in store.names():
        row: dict[str, Any] = {"name": name, "digest": "", "source": "", "detector": "", "windows": 0, "until": "", "earlier": []}
        row["state"] = "ok"
        try:
            row["earlier"] = [digest for digest in store.history(name)[-2::-1] if digest in there]
            bundle = store.find(name)
            manifest = bundle.manifest
            row |= {
                "digest": bundle.digest,
                "source": manifest.source,
                "detector": manifest.detector,
                "windows": manifest.data.windows,
                "until": manifest.data.last,
            }
        except LogsentryError as error:
            row["state"] = str(error)
        found.append(row)
    return found


def as_json(root: Path) -> str:
    return msgspec.json.format(msgspec.json.encode(rows(root)), indent=1).decode()


def as_table(root: Path) -> str:
    """Columns padded to their widest value; one sentence where there is nothing."""
    found = rows(root)
    if not found:
        return f"no bundles in {root}; `logsentry train` makes one"
    header = ["NAME", "DIGEST", "SOURCE", "DETECTOR", "WINDOWS", "DATA UNTIL", "EARLIER", "STATE"]
    lines = [header] + [
        [r["name"], r["digest"][:12], r["source"], r["detector"], f"{r['windows']:,}", r["until"], _few(r["earlier"]), r["state"]]
        for r in found
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def _few(earlier: list[str]) -> str:
    """The newest few as twelve digits each, as `promote` takes them, and how many there are besides."""
    more = len(earlier) - EARLIER_SHOWN
    return " ".join([digest[:12] for digest in earlier[:EARLIER_SHOWN]] + ([f"+{more}"] if more > 0 else []))
