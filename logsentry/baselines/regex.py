"""The detector `regex`: a file of regular expressions with weights, as people write them. It learns nothing.

    logsentry train --source http-access --detector regex --set rules=http-access access.log --store DIR

The rule file is YAML::

    rules:
      - name: a path that climbs out of its folder
        regex: '[.][.]/'
        weight: 5
        field: url.path

`weight` is 1 and `field` the whole line that the source's profile makes unless told otherwise. Rules are matched where events become keys
(`logsentry.text.rules`); a window's strangeness is the sum of the weights of its events' keys, each event counting for its heaviest rule.
Normal windows still set the threshold, and a rule that fires on many of them is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta

from logsentry.baselines.graph import parsed, write
from logsentry.baselines.observed import LONGEST, observed
from logsentry.config import document
from logsentry.errors import ConfigError, TrainingError
from logsentry.schema.event import Event
from logsentry.schema.profile import Profile
from logsentry.sdk import Part, Progress
from logsentry.text.counts import Distinct
from logsentry.text.rules import Rule, RuleKeys, checked
from logsentry.text.vocabulary import FIRST_KEY

GRAPH = """
    sums = MatMul (counts, weights)
    strangeness = Squeeze (sums, axis1)
"""


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: Annotated[tuple[Rule, ...], Meta(min_length=1, max_length=10_000)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rules` names a file, or, without a folder and an ending, one that comes with the package: `http-access`."""

    rules: Annotated[str, Meta(min_length=1, description="Path of the rule file, or the name of one that is included.")]
    most: Annotated[float, Meta(gt=0, le=1, description="Largest share of training windows that one rule may match.")] = 0.05


def read_rules(path: str) -> tuple[Rule, ...]:
    """The rules of a file, in its order; raises `ConfigError` that names the file, for whatever is wrong with it."""
    included = Path(str(files("logsentry.baselines"))) / "rules" / f"{path}.yaml"
    file = included if Path(path).name == path and included.is_file() else Path(path)
    values = document.read(file).values
    try:
        return checked(msgspec.convert(values, RuleFile).rules, str(file))
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file} is no rule file: {error}") from error


class Regex:
    """It satisfies `logsentry.sdk.Detector`, and chooses its own keys with `learn_keys`."""

    Config: ClassVar[type[Settings]] = Settings
    max_length = LONGEST

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.rules = read_rules(config.rules)
        self.trained: Distinct | None = None

    def learn_keys(self, profile: Profile, events: Iterable[Event]) -> RuleKeys:
        """The keys that this detector wants windows encoded with; nothing is learned from the events."""
        return RuleKeys(profile, self.rules)

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Answers `rules` and `matched`, the share of windows with any match. The seed is without effect.

        Raises `TrainingError` where a rule matches too many windows, and for windows that were not encoded with these rules.
        """
        if keys != FIRST_KEY + 1 + len(self.rules):
            raise TrainingError(f"the windows were encoded with {keys} keys and not with the rules; use the keys of `learn_keys`")
        trained = observed(windows, keys)
        share = trained.weights @ (trained.vectors > 0) / trained.weights.sum()
        self._refuse(share[FIRST_KEY + 1 :])
        weights = [0.0] * (FIRST_KEY + 1) + [rule.weight for rule in self.rules]
        self.weights, self.trained = np.array(weights), trained
        progress(1, 1, f"{len(self.rules)} rules")
        matched = trained.weights @ (trained.vectors[:, FIRST_KEY + 1 :] > 0).any(axis=1) / trained.weights.sum()
        return {"rules": float(len(self.rules)), "matched": float(matched)}

    def _refuse(self, share: np.ndarray) -> None:
        wide = [f"{rule.name!r} {part:.1%}" for rule, part in zip(self.rules, share, strict=True) if part > self.config.most]
        if wide:
            raise TrainingError(
                f"of the training windows, which are to be normal, these rules match more than {self.config.most:.1%}: {', '.join(wide)}; "
                "narrow them, take them out, or raise `most`"
            )

    def strangeness(self, counts: np.ndarray) -> np.ndarray:
        summed: np.ndarray = counts @ self.weights
        return summed

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """One part `regex`."""
        if self.trained is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        graph = parsed(GRAPH, len(self.weights), {"weights": self.weights[:, None], "axis1": np.array([1])})
        return [write("regex", graph, self.strangeness, self.trained, folder, probe)]
