"""Small named functions that take the noise out of one value: `C:\\Users\\bob\\a.tmp` -> `<drive>\\Users\\<user>\\a.tmp`.

A profile names them for each field, in the order in which they run. Each is a pure function from text to text that never
raises, whatever it is given; what it puts in place of noise stands in angle brackets. They serve features only: an event
keeps its values as they were logged. To add one, write it beside its kin and name it in `NORMALIZERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from logsentry.stages.normalizers.agents import agent_class, agent_family
from logsentry.stages.normalizers.endpoints import drive, registry_hive, user
from logsentry.stages.normalizers.identifiers import hash_value, hexadecimal, lower, number, uuid
from logsentry.stages.normalizers.network import domain, ip_class
from logsentry.stages.normalizers.urls import extension, path_parameters, percent_decode, query_shape, static_names, status_class

NORMALIZERS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "agent-class": agent_class,
        "agent-family": agent_family,
        "domain": domain,
        "drive": drive,
        "extension": extension,
        "hash": hash_value,
        "hex": hexadecimal,
        "ip-class": ip_class,
        "lower": lower,
        "number": number,
        "path-parameters": path_parameters,
        "percent-decode": percent_decode,
        "query-shape": query_shape,
        "registry-hive": registry_hive,
        "static-names": static_names,
        "status-class": status_class,
        "user": user,
        "uuid": uuid,
    }
)
