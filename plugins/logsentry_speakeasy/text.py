"""The text that an encoder reads: the kept parts of a report, normalized, as words with single blanks between.

    text = ReportText()
    text.tokens(data)            # 'open key hkey current user software ... kernel32 createfilew drive windows temp ... 0x4'
    text.pieces(data)            # the same, one value after another, so that a reader may stop early

Which parts are kept is `profile.TEXT`; how a value becomes words is in `values.py`; words become ids in `word_table.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from logsentry_speakeasy.profile import TEXT, Kind, Part, TextFilter
from logsentry_speakeasy.reading import read
from logsentry_speakeasy.report import Report, Step, argument_text
from logsentry_speakeasy.values import argument_words, call_words, host_words, name_words, path_words, value_words

RETURNED = "<ret_val>"
"""A returned value that is not on the list, or none."""

_KEPT_VALUES = 65_536
_KEPT_LENGTH = 256  # longer values are worked out anew each time, so that hostile ones cannot fill the memory


class Words(dict[str, str]):
    """What values became, by the value; emptied when full. Samples share most of their values, so most are found here."""

    def __init__(self, normalize: Callable[[str], str]) -> None:
        super().__init__()
        self._normalize = normalize

    def __missing__(self, value: str) -> str:
        words = self._normalize(value)
        if len(value) <= _KEPT_LENGTH:
            if len(self) >= _KEPT_VALUES:
                self.clear()
            self[value] = words
        return words


class ReportText:
    """Made once and used for many reports, whose common values it remembers."""

    def __init__(self, keep: TextFilter = TEXT) -> None:
        self._keep = keep
        returned = frozenset(keep.returned)
        kinds: dict[Kind, Callable[[str], str]] = {
            "name": name_words,
            "host": host_words,
            "value": value_words,
            "argument": argument_words,
            "call": call_words,
            "path": path_words,
            "returned": lambda value: value.lower() if value.lower() in returned else RETURNED,
        }
        self._words = {kind: Words(normalize) for kind, normalize in kinds.items()}

    def tokens(self, data: bytes) -> str:
        """The text of a report as bytes; raises `BadRecord` where it cannot be read."""
        return " ".join(self.pieces(data))

    def pieces(self, data: bytes) -> Iterator[str]:
        """The words of one value after another, none of them empty; raises `BadRecord` where the report cannot be read."""
        return self.walk(read(data))

    def walk(self, report: Report) -> Iterator[str]:
        """The words of one value after another, of a report that was read."""
        for part in self._keep.parts:
            steps = report.steps(part.section)
            yield from self._of_part(part, steps[: part.most] if part.most else steps)

    def _of_part(self, part: Part, steps: Iterable[Step]) -> Iterator[str]:
        fields = [(field, self._words[kind]) for field, kind in part.fields]
        silent = {field for field, kind in part.fields if kind == "returned"}
        for number, step in enumerate(steps):
            if part.header and not number:
                yield part.header
            for field, words in fields:
                value = getattr(step, field)
                if type(value) is str:
                    if found := words[value]:
                        yield found
                elif value is not None:
                    texts = map(argument_text, value) if type(value) is list else (str(value),)
                    yield from filter(None, map(words.__getitem__, texts))
                elif field in silent:
                    yield RETURNED
