"""Mode `append`: each score becomes a document of its own, and each alert one more.

Documents are created under the score's id, so that a second delivery is refused by the store (409) and counted as done. Needs the
privileges `auto_configure`, `create_doc` and `read` on `logs-logsentry.*`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from logsentry.sdk import Delivered, Outcome, Rejected, Scored
from logsentry_elasticsearch.bulk import Bulk
from logsentry_elasticsearch.documents import Stored, line
from logsentry_elasticsearch.names import Names
from logsentry_elasticsearch.outcomes import Said, outcome
from logsentry_elasticsearch.rollover import Earlier, NoAnswer


class Line(msgspec.Struct, frozen=True):
    """A document that is ready to be sent, and whether the stream may have it already."""

    id: str
    data: bytes
    doubtful: bool


class Append:
    """Scores to `logs-logsentry.scores-<namespace>`, alerts to `logs-logsentry.alerts-<namespace>`.

    What a backfill writes (`silent`) may be known to an earlier backing index, so its ids are always asked for. Indices named by
    date would do without that question, and need templates, life cycles and dashboards of their own; a backfill that asks lands
    where everybody looks, and meets the scores that the job itself wrote for the same time.
    """

    def __init__(self, bulk: Bulk, earlier: Earlier, names: Names, repeats: bool) -> None:
        self._bulk, self._earlier, self._names, self.repeats = bulk, earlier, names, repeats
        self._unsure: dict[Stored, set[str]] = {"scores": set(), "alerts": set()}
        """Ids whose last request ended without a whole answer: they may be there."""

    def export(self, batch: Sequence[Scored]) -> list[Outcome]:
        """An alert is sent when its score is there, so that none leads to nothing."""
        ids = [item.id for item in batch]
        ends = self._created("scores", batch, ids)
        loud = [at for at, item in enumerate(batch) if item.score.alert and not item.silent and isinstance(ends[at], Delivered)]
        alerts = self._created("alerts", [batch[at] for at in loud], [ids[at] for at in loud])
        for at, alert in zip(loud, alerts, strict=True):
            score = ends[at]
            again = isinstance(score, Delivered) and not score.duplicate and isinstance(alert, Delivered)
            ends[at] = Delivered() if again else alert
        return ends

    def _created(self, kind: Stored, batch: Sequence[Scored], ids: Sequence[str]) -> list[Outcome]:
        if not batch:
            return []
        made = [self._line(kind, item, id_) for item, id_ in zip(batch, ids, strict=True)]
        stream = self._names.stream(kind)
        known = self._known(kind, [one.id for one in made if isinstance(one, Line) and one.doubtful])
        sent = [one for one in made if isinstance(one, Line) and one.id not in known]
        said = iter(self._bulk.send(f"/{stream}/_bulk", [one.data for one in sent]))
        return [
            one if isinstance(one, Rejected) else known[one.id] if one.id in known else self._ended(kind, one.id, next(said))
            for one in made
        ]

    def _ended(self, kind: Stored, id_: str, said: Said) -> Outcome:
        unsure = self._unsure[kind]
        (unsure.add if said.unsure else unsure.discard)(id_)
        return outcome(said)

    def _known(self, kind: Stored, ids: Sequence[str]) -> dict[str, Outcome]:
        """What is known of the ids before anything is sent: that they are there, or that nobody can say so now."""
        if not ids:
            return {}
        try:
            found = self._earlier.there(self._names.stream(kind), ids)
        except NoAnswer as error:
            return dict.fromkeys(ids, error.retry)
        self._unsure[kind] -= found
        return dict.fromkeys(found, Delivered(duplicate=True))

    def _line(self, kind: Stored, item: Scored, id_: str) -> Line | Rejected:
        try:
            data = line(item, id_, kind, self._names.namespace)
        except (ValueError, TypeError) as error:
            return Rejected(f"the score {id_} cannot be written as JSON: {error}")
        return Line(id_, data, self.repeats or item.silent or id_ in self._unsure[kind])
