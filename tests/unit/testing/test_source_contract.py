"""What a plugin's author reads when a source breaks the contract: which names, and what to do about them."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import pytest

from logsentry.sdk import Event, Field, Framing, Profile, Record, Value, Windowing, event_id
from logsentry.testing import SourceContract


class Vpn:
    """Each record is the fields of one event, as JSON."""

    name: ClassVar[str] = "vpn"
    framing: ClassVar[Framing] = "lines"
    profile: ClassVar[Profile] = Profile((Field("source.bytes"),), Windowing())
    own_prefixes: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[type[msgspec.Struct]] = msgspec.defstruct("Config", [])

    def __init__(self, config: object) -> None:
        pass

    def decode(self, record: Record) -> tuple[Event, ...]:
        fields: dict[str, Value] = msgspec.json.decode(record.data)
        return (Event(event_id(record), None, self.name, fields, "one", record.data),)


class OwnVpn(Vpn):
    own_prefixes = ("vpn.", "tunnel.")


class OddVpn(Vpn):
    profile = Profile((Field("vpn.bytes"),), Windowing())


def contract(source: type[Vpn], sample: bytes) -> SourceContract:
    made: type[SourceContract] = type("Made", (SourceContract,), {"make": source, "sample": (sample,)})
    return made()


def test_names_that_nobody_knows_are_told_with_what_to_do() -> None:
    contract(Vpn, b'{"source.bytes": 5}').test_names_and_types_are_those_of_ecs()
    contract(OwnVpn, b'{"vpn.bytes": 5}').test_names_and_types_are_those_of_ecs()
    with pytest.raises(AssertionError, match=r"\(there are none\): vpn\.bytes, vpn\.up; use .* own_prefixes = \('vpn\.',\)"):
        contract(Vpn, b'{"vpn.bytes": 5, "source.bytes": 5, "vpn.up": 1}').test_names_and_types_are_those_of_ecs()
    with pytest.raises(AssertionError, match=r"below own_prefixes \(vpn\., tunnel\.\): bytes; .* own_prefixes = \('vpn\.'"):
        contract(OwnVpn, b'{"bytes": 5}').test_names_and_types_are_those_of_ecs()


def test_a_wrong_type_is_told_with_the_right_one() -> None:
    with pytest.raises(AssertionError, match=r"the type that ECS gives them: source\.bytes is long in ECS, not str"):
        contract(Vpn, b'{"source.bytes": "5"}').test_names_and_types_are_those_of_ecs()


def test_a_profile_that_names_nothing_known_is_told() -> None:
    with pytest.raises(AssertionError, match=r"neither in ECS .*: vpn\.bytes; use ECS's name"):
        contract(OddVpn, b"{}").test_the_profile_names_fields_and_normalizers_that_exist()
