"""What a configuration names, made ready to work: bundle, scorer, source and exporters. Inputs are opened by whoever reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from logsentry.errors import ConfigError, UsageError
from logsentry.pipeline.build import built
from logsentry.pipeline.finding import find_bundle, source_for
from logsentry.scoring.scorer import Options, Scorer
from logsentry.sdk import Exporter, Source

if TYPE_CHECKING:
    from logsentry.config import Forward, Pipeline


class Parts(msgspec.Struct, frozen=True):
    """What a configuration names but for its inputs, ready to work. `digest` is of the configuration that is in force, without its
    secrets."""

    source: Source
    scorer: Scorer
    exporters: tuple[Exporter, ...]
    digest: str


class Opened(msgspec.Struct, frozen=True):
    """The same with the configuration itself."""

    pipeline: Pipeline
    source: Source
    scorer: Scorer
    exporters: tuple[Exporter, ...]
    digest: str


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Read a configuration and open its parts but for the inputs; the exporters are closed at the end.

    Raises `ConfigError` where the file is wrong, and what `parts` raises.
    """
    from logsentry.config import load  # YAML, which `score` has no use for, is a tenth of its start

    pipeline = load(path)
    with parts(pipeline) as found:
        yield Opened(pipeline, found.source, found.scorer, found.exporters, found.digest)


@contextmanager
def parts(config: Pipeline | Forward) -> Iterator[Parts]:
    """Raises what `scorer_of` raises, and what is wrong with a source or an exporter."""
    source: Source = built("sources", config.source)
    with ExitStack() as stack:
        exporters = tuple(stack.enter_context(closing(built("exporters", part))) for part in config.exporters)
        yield Parts(source, scorer_of(config), exporters, digest_of(config))


def scorer_of(config: Pipeline | Forward) -> Scorer:
    """What the configuration's bundle is now. Raises `ConfigError` for another profile than it was trained with, and `BundleRefused`."""
    bundle = find_bundle(config.bundle.name, Path(config.bundle.store))
    source = source_for(bundle, config.source.use)
    scorer = Scorer(bundle, scorer_options({**msgspec.structs.asdict(config.scoring), "alerts_per_day": config.alerts.per_day}))
    if config.source.profile not in (None, scorer.keys.profile):
        raise ConfigError(f"{bundle.reference} was trained with another profile of {source}; train again with this one")
    return scorer


def digest_of(config: Pipeline | Forward) -> str:
    """Of the configuration that is in force, without its secrets."""
    from logsentry.config import show

    return blake2b(show(config).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def scorer_options(options: Mapping[str, Any]) -> Options:
    try:
        return msgspec.convert(dict(options), Options)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error


def verify_bundle(reference: str, store: Path) -> str:
    """One sentence on a bundle whose hashes, graph, keys, calibration and probe all hold; raises `BundleRefused` else."""
    bundle = find_bundle(reference, store)
    scorer = Scorer(bundle)
    return (
        f"{bundle.reference} is whole: {len(bundle.files)} files match their hashes, it answers its probe as in training "
        f"(largest difference {scorer.difference:.1e}), {len(scorer.calibration.held_back('majority')):,} held-back windows "
        "set its thresholds"
    )
