"""Which bundle a reference means, those that come with the package included, and which sources a bundle can judge."""

from __future__ import annotations

from pathlib import Path

import orjson

from logsentry.errors import BundleRefused
from logsentry.store.bundles import locate
from logsentry.store.manifest import MANIFEST, NAME
from logsentry.store.verified import Bundle, read

PACKAGE = Path(__file__).parent.parent
DEMO_BUNDLE = PACKAGE / "demo" / "bundle"
SHIPPED = PACKAGE / "shipped"
"""A folder for each bundle that comes with the package, called as the bundle is."""


def find_bundle(reference: str, store: Path) -> Bundle:
    """A bundle by reference. One that comes with the package is meant by its name, unless the store or this folder has one of that name."""
    shipped = shipped_folder(reference)
    if shipped and not (store / "names" / f"{reference}.json").exists() and not Path(reference, MANIFEST).exists():
        return read(shipped, reference)
    return locate(reference, store)


def shipped_folder(name: str) -> Path | None:
    """`demo`, or a folder of `SHIPPED`."""
    folder = DEMO_BUNDLE if name == "demo" else SHIPPED / name
    return folder if NAME.fullmatch(name) and (folder / MANIFEST).is_file() else None


def served(bundle: Bundle) -> tuple[str, ...]:
    """The sources that a bundle judges: the one that it was trained on, and the one whose texts its tokens can read."""
    trained = bundle.manifest.source
    keys = orjson.loads(bundle.files.get("logkeys.json", b"{}"))
    reading = keys.get("reading") if isinstance(keys, dict) else None
    read_ = reading.get("source") if isinstance(reading, dict) else None
    return (trained, read_) if isinstance(read_, str) and read_ not in ("", trained) else (trained,)


def source_for(bundle: Bundle, asked: str | None) -> str:
    """The source to decode with: what was asked for, or what it was trained on. Raises `BundleRefused` for one that it cannot judge."""
    known = served(bundle)
    if asked not in (None, *known):
        raise BundleRefused(f"{bundle.reference} was trained on {' and reads '.join(known)}; it says nothing about {asked}")
    return asked or known[0]
