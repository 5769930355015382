"""Scores and alerts to Splunk: `splunk:https://host:8088`, with the token in `LOGSENTRY_SPLUNK_TOKEN`.

    exporters:
      - use: splunk
        url: https://splunk.example:8088
        token: ${HEC_TOKEN}
        index: security

The collector keeps no ids: what is sent twice, because an answer was lost or a pass was cut off, stands twice. Every event carries
`logsentry.id`, which is the same both times, and the add-on's searches count each id once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from logsentry.sdk import Outcome, Rejected, Scored
from logsentry_splunk.acknowledgements import Acknowledgements
from logsentry_splunk.connection import Broken, Collector, SplunkConfig
from logsentry_splunk.events import events_of
from logsentry_splunk.outcomes import TOO_LARGE, meaning


class Splunk:
    """One request for each `batch` scores, and one end for each score."""

    Config: ClassVar[type[msgspec.Struct]] = SplunkConfig

    def __init__(self, config: SplunkConfig) -> None:
        self._config = config
        self._collector = Collector(config)
        self.place = f"Splunk at {self._collector.named}"
        self._acknowledgements = Acknowledgements(self._collector, config)

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        """Raises `Untrusted` where the certificate is not to be trusted."""
        made = [events_of(item, self._config) for item in batch]
        ends: dict[int, Outcome] = {at: body for at, body in enumerate(made) if isinstance(body, Rejected)}
        bodies = {at: body for at, body in enumerate(made) if isinstance(body, bytes)}
        for part in _parts(bodies, self._config):
            ends |= self._sent({at: bodies[at] for at in part})
        ends |= self._acknowledgements.settled()
        return [ends[at] for at in range(len(batch))]

    def close(self) -> None:
        self._collector.close()

    def _sent(self, part: dict[int, bytes]) -> dict[int, Outcome]:
        """The ends of one request: made smaller, or again without an event that the collector named, as long as that helps."""
        if not part:
            return {}
        try:
            answer = self._collector.send(b"\n".join(part.values()))
        except Broken as error:
            return dict.fromkeys(part, meaning(error))
        if answer.status == TOO_LARGE and len(part) > 1:
            half = len(part) // 2
            items = list(part.items())
            return self._sent(dict(items[:half])) | self._sent(dict(items[half:]))
        if answer.status == 400 and (bad := _named(part, answer.bad)) is not None:
            left = {at: body for at, body in part.items() if at != bad}
            return {bad: meaning(answer), **self._sent(left)}
        if answer.status == 200 and answer.ack is not None:
            self._acknowledgements.expect(answer.ack, part)
            return {}
        if answer.status == 200:
            self._acknowledgements.missing()
        return dict.fromkeys(part, meaning(answer))


def _parts(bodies: dict[int, bytes], config: SplunkConfig) -> list[list[int]]:
    """Places in the batch, in order, as many to a request as it may hold."""
    parts: list[list[int]] = []
    size = config.batch_bytes
    for at, body in bodies.items():
        if not parts or len(parts[-1]) >= config.batch or size + len(body) + 1 > config.batch_bytes:
            parts.append([])
            size = 0
        parts[-1].append(at)
        size += len(body) + 1
    return parts


def _named(part: dict[int, bytes], number: int | None) -> int | None:
    """Which score the event of this number belongs to; an alert is a second event of its score."""
    if number is None or number < 0:
        return None
    for at, body in part.items():
        number -= 1 + body.count(b"\n")  # JSON holds no newline of its own
        if number < 0:
            return at
    return None
