"""What a bundle says of itself. The file is written last, so a folder without it is a copy that never finished."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import msgspec

from logsentry.errors import BundleRefused
from logsentry.sdk import Part

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a file of a bundle, or a name in the store, may be called."""


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    bytes: int


class TrainingData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the detector was fitted on: a digest over the event ids in order, counts, and the span of event time."""

    digest: str
    events: int
    windows: int
    first: str
    last: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`parts` say what is asked of the bundle's files and how it is voted on.

    `metrics` are figures measured on held-back normal windows; `detector_config` is what `train --set` set.
    """

    schema_version: int
    detector: str
    source: str
    logsentry: str
    opset: int
    keys: int
    max_length: int
    parts: tuple[Part, ...]
    seed: int
    data: TrainingData
    files: dict[str, FileEntry]
    metrics: dict[str, float]
    detector_config: dict[str, Any]

    def to_bytes(self) -> bytes:
        """Canonical JSON: sorted names, so that equal manifests are equal bytes."""
        return msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=1) + b"\n"

    @property
    def digest(self) -> str:
        """SHA-256 over the manifest, which holds the hash of every other file: the name of the bundle's folder."""
        return sha256(self.to_bytes()).hexdigest()


def parse(data: bytes, where: str) -> Manifest:
    """Raises `BundleRefused` for a newer schema, an unknown field, or anything that is no manifest."""
    try:
        version = msgspec.json.decode(data, type=dict).get("schema_version")
        if version != SCHEMA_VERSION:
            raise BundleRefused(
                f"{where}: this bundle has schema version {version!r}; this program reads version {SCHEMA_VERSION}"
            )
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # a ValidationError is a DecodeError
        raise BundleRefused(f"{where}: the manifest cannot be read: {error}") from error
