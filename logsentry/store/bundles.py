"""The store: bundles in folders named by their content, and names that point to them.

    STORE/bundles/<sha256 of the manifest>/   manifest.json model.onnx logkeys.json calibration.json probe.npz …
    STORE/names/<name>.json                   the digests this name has pointed to, newest last

A bundle is written under a temporary name and moved in one step; the manifest, written last, holds the hash of every other
file. Reading one back is left to `verified`, what the files mean to `scoring`.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from logsentry.errors import BundleRefused, UsageError
from logsentry.store.manifest import MANIFEST, NAME, FileEntry, Manifest
from logsentry.store.verified import Bundle, read

ANOTHER = "name another with --store or LOGSENTRY_STORE, or as bundle.store in a configuration"


class Store:
    """A folder of bundles and names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._bundles, self._names = root / "bundles", root / "names"

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A folder to write a new bundle's files in, gone afterwards unless `put` moved it."""
        self._bundles.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=self._bundles, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def put(self, folder: Path, name: str, describe: Callable[[dict[str, FileEntry]], Manifest]) -> Bundle:
        """Seal the folder with a manifest, move it to its place and let the name point to it.

        `describe` makes the manifest from the hashes of the files. A bundle that is there already stays as it is.
        """
        if not NAME.fullmatch(name):
            raise UsageError(f"a bundle's name is letters, digits, '.', '_' and '-': {name!r} is not")
        entries = {}
        for path in sorted(folder.iterdir()):
            data = path.read_bytes()
            entries[path.name] = FileEntry(sha256(data).hexdigest(), len(data))
        manifest = describe(entries)
        write_whole(folder / MANIFEST, manifest.to_bytes())
        place = self._bundles / manifest.digest
        if not place.exists():
            os.replace(folder, place)
            os.chmod(place, 0o755)
        self.point(name, manifest.digest)
        return read(place, name)

    def point(self, name: str, digest: str) -> None:
        """Let a name point to a bundle; what it pointed to before stays in its history."""
        if not NAME.fullmatch(name):
            raise UsageError(f"a bundle's name is letters, digits, '.', '_' and '-': {name!r} is not")
        self._write_history(name, [old for old in self.history(name) if old != digest] + [digest])

    def _write_history(self, name: str, history: list[str]) -> None:
        self._names.mkdir(parents=True, exist_ok=True)
        write_whole(self._names / f"{name}.json", msgspec.json.encode(history) + b"\n")

    def promote(self, name: str, digest: str, another_source: bool = False) -> Bundle:
        """Point the name to a bundle that is in the store and whole.

        Raises `UsageError` where it is for another source than the name's is, unless that is wanted: jobs and servers follow a name.
        """
        bundle = self.find(digest)
        before = self._source_of(name)
        if before not in ("", bundle.manifest.source) and not another_source:
            raise UsageError(
                f"{name!r} is for {before} and the bundle {bundle.digest[:12]} for {bundle.manifest.source}; "
                "choose another bundle, or give --another-source"
            )
        self.point(name, bundle.digest)
        return self.find(name)

    def _source_of(self, name: str) -> str:
        """What the newest of a name's bundles that can be read is for, since a damaged one must not keep its successor out."""
        for digest in reversed(self.history(name)):
            try:
                return read(self._bundles / digest).manifest.source
            except BundleRefused:
                continue
        return ""

    def rollback(self, name: str) -> Bundle:
        """Point the name to what it pointed to before; raises `UsageError` where there is nothing before."""
        history = self.history(name)
        if len(history) < 2:
            raise UsageError(
                f"{name!r} has pointed to {len(history)} bundle{'' if len(history) == 1 else 's'}, so there is none to go back to"
            )
        read(self._bundles / history[-2], name)
        self._write_history(name, [history[-1], *history[:-1]])
        return self.find(name)

    def history(self, name: str) -> list[str]:
        """Digests a name has pointed to, newest last; empty for an unknown name."""
        path = self._names / f"{name}.json"
        if not NAME.fullmatch(name) or not path.is_file():
            return []
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[str])
        except msgspec.DecodeError as error:
            raise BundleRefused(f"{path} cannot be read: {error}") from error

    def names(self) -> list[str]:
        return sorted(path.stem for path in self._names.glob("*.json"))

    def digests(self) -> list[str]:
        return sorted(path.name for path in self._bundles.glob("*") if re.fullmatch(r"[0-9a-f]{64}", path.name))

    def find(self, reference: str) -> Bundle:
        """The bundle meant by `name`, `name@digest` or a digest; at least six digits of one are enough.

        Raises `UsageError` where nothing, or more than one thing, is meant, and `BundleRefused` where it is damaged.
        """
        name, _, wanted = reference.partition("@")
        if wanted or not (history := self.history(name)):
            wanted = wanted or name
            found = [digest for digest in self.digests() if len(wanted) >= 6 and digest.startswith(wanted)]
            if len(found) != 1:
                known = ", ".join(self.names()) or f"nothing yet; {ANOTHER}"
                raise UsageError(
                    f"the store {self.root} has {'no' if not found else 'more than one'} bundle {reference!r}; it has: {known}"
                )
            return read(self._bundles / found[0], name if "@" in reference else self._name_of(found[0]))
        return read(self._bundles / history[-1], name)

    def _name_of(self, digest: str) -> str:
        return next((name for name in self.names() if digest in self.history(name)), "")


def locate(reference: str, store: Path) -> Bundle:
    """A bundle by folder, by `STORE/name`, or by name in the given store."""
    if not reference:
        raise UsageError("a bundle's reference is empty; name one, or give its folder")
    path = Path(reference)
    if (path / MANIFEST).is_file():
        return read(path, "" if re.fullmatch(r"[0-9a-f]{64}", path.name) else path.name)
    if (path / "bundles").is_dir():
        names = Store(path).names()
        if len(names) != 1:
            raise UsageError(f"the store {path} has {len(names)} names; say which: {path}/NAME")
        return Store(path).find(names[0])
    if (path.parent / "bundles").is_dir() and path.name:
        return Store(path.parent).find(path.name)
    if path.is_dir():
        raise BundleRefused(f"{path} holds no bundle: it has no {MANIFEST}, or the copy of it never finished")
    if len(path.parts) > 1 and not path.exists():
        raise UsageError(f"there is no bundle at {reference}")
    return Store(store).find(reference)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never half of either, and a failure leaves no other file."""
    staging = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
    try:
        with open(staging, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staging, path)
    finally:
        staging.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
