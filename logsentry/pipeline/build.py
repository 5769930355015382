"""From names and options to plugin objects: the one place where registered classes are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from logsentry.errors import UsageError
from logsentry.registry import installed
from logsentry.schema.secret import Secret, given
from logsentry.sdk import Detector, Exporter, Frameable, Framed, Input, ScoreReader, Source

if TYPE_CHECKING:
    from logsentry.config import Part, SourcePart


def make(kind: str, name: str, options: Mapping[str, Any]) -> Any:
    """An object of the class registered as `kind` and `name`, its options checked against the class's `Config`.

    Raises `UsageError` for an unknown name, option or value.
    """
    found = installed().get(kind, name)
    if found.Config.__struct_config__.forbid_unknown_fields:
        _known(kind, name, options, [field.encode_name for field in msgspec.structs.fields(found.Config)])
    try:
        config = msgspec.convert(dict(options), found.Config, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise UsageError(f"{kind.removesuffix('s')} {name!r}: {error}") from error
    return found(config)


def _known(kind: str, name: str, options: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raises `UsageError` for an option that there is not, with those that there are."""
    unknown = [option for option in options if option not in names]
    if not unknown:
        return
    there = f"it has {', '.join(names)}" if names else "it has none"
    parts = '; settings of its parts go inside detectors, for instance detectors={"counting": {"n": 3}}'
    inside = parts if kind == "detectors" and "detectors" in names else ""
    word = "setting" if kind == "detectors" else "option"
    raise UsageError(f"{kind.removesuffix('s')} {name!r} has no {word} {unknown[0]!r}; {there}{inside}")


def _decode(kind: type, value: Any) -> Any:
    if kind is Secret:
        return given(value)
    raise NotImplementedError(f"an option of type {kind.__name__} cannot be given on the command line")


def built(kind: str, part: Part | SourcePart) -> Any:
    """The object that a part of a configuration names; its options were checked when the file was read."""
    return installed().get(kind, part.use)(part.options)


def make_source(name: str, options: Mapping[str, Any] | None = None) -> Source:
    source: Source = make("sources", name, options or {})
    return source


def make_detector(name: str, options: Mapping[str, Any]) -> Detector:
    detector: Detector = make("detectors", name, options)
    return detector


def has_device(detector: str) -> bool:
    """Whether it can be told to train elsewhere than on the CPU."""
    return "device" in installed().get("detectors", detector).Config.__struct_fields__


def make_files(paths: Sequence[str], source: Source) -> Input:
    """The input `files` over these paths, cut into records as the source wants them."""
    files: Input = make("inputs", "files", {"paths": list(paths), "framing": source.framing})
    return framed(files, source)


def framed(input_: Input, source: Source) -> Input:
    """Let a source that reads several layouts choose each file's framing, where the input can."""
    if isinstance(source, Framed) and isinstance(input_, Frameable):
        input_.framed_by(source.framing_of)
    return input_


def make_exporter(address: str, resumed: bool = False) -> Exporter:
    """`duckdb:FILE`, `ndjson:FILE`, or `-` for NDJSON on stdout.

    What follows the first colon goes to the first option that the exporter knows; so a plugin's address needs no code. A pass
    that may go on after an earlier one (`resumed`) sets `append` where the exporter has that option.
    """
    name, colon, rest = ("ndjson", ":", "-") if address == "-" else address.partition(":")
    if not colon or not rest:
        known = ", ".join(f"{offer.name}:…" for offer in installed().offers("exporters"))
        raise UsageError(f"{address!r} is no place to write to; give one of {known}, or - for stdout")
    options = [field.name for field in msgspec.structs.fields(installed().get("exporters", name).Config)]
    append = {"append": True} if resumed and "append" in options else {}
    exporter: Exporter = make("exporters", name, {options[0]: rest, **append})
    return exporter


def make_reader(address: str) -> ScoreReader:
    """What reads `duckdb:FILE` back; raises `UsageError` for an exporter that keeps nothing to be read."""
    name, _, rest = address.partition(":")
    reader = getattr(installed().get("exporters", name), "Reader", None)
    if reader is None or not rest:
        can = ", ".join(f"{o.name}:…" for o in installed().offers("exporters") if hasattr(o.load(), "Reader"))
        raise UsageError(f"scores cannot be read back from {address!r}; from these they can: {can}")
    opened: ScoreReader = reader(rest)
    return opened
