"""The options of scoring and the configuration's words for them are the same list."""

from __future__ import annotations

import msgspec

from logsentry.config import Scoring
from logsentry.scoring.scorer import Options


def test_the_configuration_has_every_option_of_scoring() -> None:
    options = {field.name: field.default for field in msgspec.structs.fields(Options)}
    assert options.pop("alerts_per_day") is None  # it is `alerts: {per_day: …}`
    assert {field.name: field.default for field in msgspec.structs.fields(Scoring)} == options
