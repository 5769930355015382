"""The domain filter: an event becomes one line of the fields that its source's profile keeps.

Each value passes its field's normalizers and is then made one word (its blanks become `_`), so that the place of a field in
the line does not hang on the values before it. Lines are what templates are mined from; events stay as they are.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from logsentry.errors import UsageError
from logsentry.schema.event import Event, Value
from logsentry.schema.profile import Field, Profile
from logsentry.stages.normalizers import NORMALIZERS

_KEPT_VALUES = 16_384
_KEPT_LENGTH = 512  # longer values are worked out anew each time, so that hostile ones cannot fill the memory


class DomainFilter:
    """Made once for a profile; raises `UsageError` for a normalizer that nobody wrote."""

    def __init__(self, profile: Profile) -> None:
        self._columns = tuple(_Column(field) for field in profile.fields)

    def line(self, event: Event) -> str:
        """The kept fields in the profile's order, one word each with blanks between; absent ones as the profile says."""
        fields = event.fields
        words = []
        for column in self._columns:
            value = fields.get(column.name)
            if value is None:
                words.append(column.absent)
            elif type(value) is str and (kept := column.kept.get(value)) is not None:
                words.append(kept)
            else:
                words.append(column.word(value))
        return " ".join(filter(None, words))


class _Column:
    """One field of the profile, with the words that its values became."""

    def __init__(self, field: Field) -> None:
        self.name = field.name
        self.absent = _joined(field.absent)
        self.kept: dict[str, str] = {}
        self._steps = tuple(_normalizer(name, field) for name in field.normalizers)

    def word(self, value: Value) -> str:
        """The word of a value; the members of a list are normalized each by itself and joined by commas."""
        if isinstance(value, list):
            return ",".join(map(self._normalized, map(_text, value))) or self.absent
        text = _text(value)
        if (kept := self.kept.get(text)) is None:
            kept = self._normalized(text) or self.absent
            self._keep(text, kept)
        return kept

    def _normalized(self, text: str) -> str:
        for step in self._steps:
            text = step(text)
        return _joined(text)

    def _keep(self, text: str, word: str) -> None:
        if len(self.kept) >= _KEPT_VALUES:
            self.kept.clear()
        if len(text) <= _KEPT_LENGTH:
            self.kept[text] = word


def _text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _joined(text: str) -> str:
    return "_".join(text.split())


def _normalizer(name: str, field: Field) -> Callable[[str], str]:
    if (found := NORMALIZERS.get(name)) is not None:
        return found
    near = difflib.get_close_matches(name, NORMALIZERS, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(NORMALIZERS)}"
    raise UsageError(f"the field {field.name} names the normalizer {name!r}, which does not exist; {hint}")
