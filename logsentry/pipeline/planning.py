"""From what a person typed to plans: `KEY=VALUE` settings and window rules in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from logsentry.config import load
from logsentry.errors import UsageError
from logsentry.pipeline.build import has_device, make_source
from logsentry.pipeline.labelled import LabelledPlan, TrainedOnLabels, train_labelled
from logsentry.pipeline.training import Trained, TrainingPlan, train
from logsentry.registry import installed
from logsentry.schema.profile import CountRule, Profile, SessionRule, TimeRule, Windowing
from logsentry.schema.secret import Secret
from logsentry.sdk import Progress
from logsentry.store.bundles import Store


def carried_out(
    store: Store,
    name: str,
    progress: Progress,
    benign: Sequence[str],
    malicious: Sequence[str],
    device: str | None = None,
    **asked: Any,
) -> Trained | TrainedOnLabels:
    """Train as asked: on labels where there are any or the detector wants them, else on ordinary logs.

    Raises `UsageError` where there is nothing to learn from.
    """
    asked["settings"] = (*asked.get("settings", ()), *of_device(asked["detector"], device))
    detector = installed().get("detectors", asked["detector"])
    if not (benign or malicious or asked["paths"]):
        raise UsageError("there is nothing to learn from; name files, or give --benign and --malicious")
    if benign or malicious or hasattr(detector, "fit_labelled"):
        return train_labelled(plan_labelled(benign=benign, malicious=malicious, **asked), store, name, progress)
    return train(plan_training(**asked), store, name, progress)


def of_device(detector: str, device: str | None) -> tuple[str, ...]:
    """The setting that says where it trains. Raises `UsageError` for a GPU and a detector that has no use for one."""
    if device is None or (device == "cpu" and not has_device(detector)):
        return ()
    if not has_device(detector):
        raise UsageError(f"the detector {detector!r} is trained on the CPU alone; leave --device out")
    return (f"device={device}",)


def plan_labelled(
    source: str,
    detector: str,
    paths: Sequence[str],
    benign: Sequence[str],
    malicious: Sequence[str],
    settings: Sequence[str] = (),
    window: str | None = None,
    config: Path | None = None,
    mask_stride: int = 2,
    folds: int = 1,
    **numbers: Any,
) -> LabelledPlan:
    """PATHS are files whose rows carry their label. A mask stride means nothing to a classifier, and it is not trained in folds."""
    if folds > 1:
        raise UsageError("a classifier is calibrated on rows with labels that are held back once; leave --folds out")
    profile, given = configured(config, source)
    if window is not None:
        profile = rewindowed(profile, window)
    told = options(settings)
    return LabelledPlan(source, detector, tuple(benign), tuple(malicious), tuple(paths), told, profile, given, **numbers)


def plan_training(
    source: str,
    detector: str,
    paths: Sequence[str],
    settings: Sequence[str] = (),
    window: str | None = None,
    config: Path | None = None,
    mask_stride: int = 2,
    **numbers: Any,
) -> TrainingPlan:
    """Raises `UsageError` for a setting, window rule or configuration that cannot be read, or is about another source."""
    profile, given = configured(config, source)
    if window is not None:
        profile = rewindowed(profile, window)
    return TrainingPlan(source, detector, tuple(paths), options(settings), profile, given, stride=mask_stride, **numbers)


def configured(path: Path | None, source: str) -> tuple[Profile, dict[str, Any]]:
    """The source's profile and its options as a configuration file has them, else its own."""
    if path is None:
        return make_source(source).profile, {}
    part = load(path).source
    if part.use != source:
        raise UsageError(f"{path} is about {part.use}, and you train on {source}")
    given: dict[str, Any] = msgspec.to_builtins(part.options, enc_hook=Secret.reveal)
    return part.profile or make_source(source, given).profile, given


def options(settings: Sequence[str]) -> dict[str, Any]:
    """`["members=25", "int8=true"]` -> `{"members": 25, "int8": True}`; a value that is no JSON is text."""
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise UsageError(f"a setting is KEY=VALUE, for instance members=25; {setting!r} is not")
        try:
            found[name.replace("-", "_")] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            found[name.replace("-", "_")] = value
    return found


def rewindowed(profile: Profile, rule: str) -> Profile:
    """The profile with other windows: `session:900`, `count:20:10`, `time:60:30` or `single`."""
    kind, *numbers = rule.split(":")
    key = profile.windows.session.key if profile.windows.session else ()
    try:
        if kind == "single" and not numbers:
            windows = Windowing()
        elif kind == "session" and len(numbers) == 1:
            windows = Windowing(session=SessionRule(key, float(numbers[0])))
        elif kind == "count" and len(numbers) == 2:
            windows = Windowing(count=CountRule(int(numbers[0]), int(numbers[1]), key))
        elif kind == "time" and len(numbers) == 2:
            windows = Windowing(time=TimeRule(float(numbers[0]), float(numbers[1]), key))
        else:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"{rule!r} is no window rule; give session:GAP_SECONDS, count:SIZE:STEP, time:SECONDS:STEP or single"
        ) from None
    return msgspec.structs.replace(profile, windows=windows)
