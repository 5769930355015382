"""What every source keeps to. A plugin's author inherits the tests in three lines::

    class TestDnsTap(SourceContract):
        make = DnsTap
        sample = (b"17-May-2015 10:05:24.000 CQ ...",)

`make` is the class, or a function without arguments that gives a source; `sample` holds records as an input would cut them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logsentry.schema.ecs import unknown_names, wrong_types
from logsentry.sdk import BadRecord, Event, Filtered, Record, Source
from logsentry.stages.filters import DomainFilter
from logsentry.testing.strategies import hostile_bytes, mangled

# The same test runs in each class that inherits it; Hypothesis would take that for a mistake.
_shared = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])


def record_of(data: bytes, offset: int = 0) -> Record:
    """A record as the files input would make it."""
    return Record(data, input="sample", origin="sample", offset=offset, cursor={"offset": offset + len(data)})


def _neither(names: Sequence[str], source: Source) -> str:
    """Which names of fields nobody knows, and the two ways to mend that."""
    own = f"({', '.join(source.own_prefixes)})" if source.own_prefixes else "(there are none)"
    top, dot, _ = names[0].partition(".")
    return (
        f"neither in ECS nor below own_prefixes {own}: {', '.join(names)}; use ECS's name where it has one "
        "(https://www.elastic.co/docs/reference/ecs/ecs-field-reference), or a name below a prefix that the source's own_prefixes has, "
        f"as in own_prefixes = ('{top if dot else source.name.replace('-', '_')}.',)"
    )


class SourceContract:
    """Inherit, set `make` and `sample`, and run pytest."""

    make: ClassVar[Callable[..., Source]]
    sample: ClassVar[Sequence[bytes]]

    def source(self) -> Source:
        """A new source with the default configuration."""
        make: Any = type(self).make
        configured = getattr(make, "Config", None)
        source: Source = make() if configured is None else make(configured())
        return source

    def events(self, source: Source, data: bytes, offset: int = 0) -> Sequence[Event]:
        """The events of one record; none where it is filtered or refused."""
        try:
            decoded = source.decode(record_of(data, offset))
        except BadRecord as refused:
            decoded = Filtered(str(refused))
        if isinstance(decoded, Filtered):
            assert decoded.reason.strip(), "a BadRecord and a Filtered say why"
            return ()
        return decoded

    def sample_events(self) -> list[Event]:
        source, offset = self.source(), 0
        found: list[Event] = []
        for data in type(self).sample:
            found += self.events(source, data, offset)
            offset += len(data) + 1
        return found

    def test_is_a_source(self) -> None:
        assert isinstance(self.source(), Source)

    def test_decodes_each_of_its_samples(self) -> None:
        source = self.source()
        assert self.sample
        for data in type(self).sample:
            assert self.events(source, data), f"no event came out of {data[:200]!r}"

    def test_the_same_record_gives_the_same_events(self) -> None:
        assert self.sample_events() == self.sample_events()

    def test_each_event_has_an_id_of_its_own(self) -> None:
        ids = [event.id for event in self.sample_events()]
        assert len(set(ids)) == len(ids)

    def test_equal_records_in_other_places_have_other_ids(self) -> None:
        source, data = self.source(), next(iter(type(self).sample))
        first, second = self.events(source, data, 0), self.events(source, data, len(data) + 1)
        assert {event.id for event in first}.isdisjoint(event.id for event in second)

    def test_events_keep_their_source_and_bytes(self) -> None:
        source = self.source()
        for data in type(self).sample:
            for event in self.events(source, data):
                assert event.source == source.name
                assert event.original, "the bytes that an event came from go with it"
                assert event.message.strip()

    def test_names_and_types_are_those_of_ecs(self) -> None:
        source = self.source()
        for event in self.sample_events():
            assert not (other := unknown_names(event.fields, source.own_prefixes)), _neither(other, source)
            assert not (wrong := wrong_types(event.fields)), f"give these fields the type that ECS gives them: {'; '.join(wrong)}"

    def test_fields_hold_no_empty_values(self) -> None:
        for event in self.sample_events():
            empty = [name for name, value in event.fields.items() if value in ("", "-", []) or value is None]
            assert empty == [], f"leave out what the record does not say: {empty}"

    def test_documents_survive_json(self) -> None:
        for event in self.sample_events():
            document = event.document()
            assert json.loads(json.dumps(document, allow_nan=False)) == document

    def test_the_profile_names_fields_and_normalizers_that_exist(self) -> None:
        source = self.source()
        profile = source.profile
        DomainFilter(profile)  # a UsageError here names the normalizer that does not exist
        assert profile.fields
        other = unknown_names([field.name for field in profile.fields], source.own_prefixes)
        assert not other, _neither(other, source)
        rules = [rule for rule in (profile.windows.session, profile.windows.count, profile.windows.time) if rule is not None]
        assert len(rules) <= 1, "a profile has one rule of windows, or none"

    def test_each_sample_gives_a_line(self) -> None:
        filtered = DomainFilter(self.source().profile)
        assert all(filtered.line(event) for event in self.sample_events())

    @_shared
    @given(data=hostile_bytes())
    def test_any_bytes_are_decoded_filtered_or_refused(self, data: bytes) -> None:
        self._holds_for(data)

    @_shared
    @given(data=st.data())
    def test_any_mangled_sample_is_decoded_filtered_or_refused(self, data: st.DataObject) -> None:
        self._holds_for(data.draw(mangled(tuple(type(self).sample))))

    def _holds_for(self, data: bytes) -> None:
        source = self.source()
        filtered = DomainFilter(source.profile)
        for event in self.events(source, data):
            assert not (wrong := wrong_types(event.fields)), f"give these fields the type that ECS gives them: {'; '.join(wrong)}"
            assert not (other := unknown_names(event.fields, source.own_prefixes)), _neither(other, source)
            assert json.loads(json.dumps(event.document(), allow_nan=False)) == event.document()
            assert "\n" not in filtered.line(event)
