"""Windows of log keys as rules see them: each key becomes the rule that matches its template.

A benchmark of keys has no lines left for regular expressions to search, but where it knows what its keys say, the templates stand for
them: what a placeholder stood for cannot be searched.
"""

from __future__ import annotations

import msgspec

from logsentry.errors import UsageError
from logsentry.experiments.benchmark import Benchmark, Window
from logsentry.schema.event import Event
from logsentry.schema.profile import Field, Profile, Windowing
from logsentry.schema.window import Window as EventWindow
from logsentry.text.keys import ChoosesKeys
from logsentry.text.vocabulary import FIRST_KEY

PROFILE = Profile(fields=(Field("message"),), windows=Windowing())


def ruled(benchmark: Benchmark, detector: ChoosesKeys) -> Benchmark:
    """The same windows in the detector's own keys. Raises `UsageError` where nobody knows what the keys say."""
    texts = benchmark.texts or benchmark.rule_texts
    if not texts:
        raise UsageError(f"{benchmark.title} does not say what its keys stand for, so no rule can be searched in them")
    events = [Event("", None, "", {"message": text}, text, b"") for text in texts[FIRST_KEY:]]
    keys = detector.learn_keys(PROFILE, events)
    ids = [*range(FIRST_KEY), *(keys.encode(EventWindow("", (event,)))[1] for event in events)]

    def seen(windows: list[Window]) -> list[Window]:
        return [tuple(ids[key] for key in window) for window in windows]

    train, windows = seen(benchmark.train), seen(benchmark.windows)
    return msgspec.structs.replace(benchmark, keys=len(keys.vocabulary), train=train, windows=windows, texts=(), fixed_keys=True)
