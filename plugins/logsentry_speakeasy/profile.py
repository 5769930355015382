"""What a detector sees of a report: the paper's filter and normalizers, as data.

`PROFILE` names the fields of the event; `TEXT` names the parts of the report that become the text an encoder reads. Both follow
Trizna et al., "Nebula: Self-Attention for Dynamic Malware Analysis" (section on preprocessing): files, registry, network, and
API calls with arguments and returned values, all else left out. The calls come last, because an encoder reads some hundred
tokens only and a long trace would push out the few records that say most.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from logsentry.sdk import Field, Profile, Windowing

FieldName = Literal[
    "event", "path", "value_name", "cmdline", "server", "port", "proto", "query", "response", "api_name", "args", "ret_val"
]  # fmt: skip
Kind = Literal["name", "host", "value", "argument", "call", "path", "returned"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of record in a report: which of its fields are read, in order, and how many records at most (0: all).

    `fields` names a field and how its value becomes words: `name` as it is, `host` for servers and queries, `value` for
    paths and keys, `argument` for arguments and returned values. As the authors of the tokenized corpus had it in 2022, and for models of
    theirs: `call` for names that keep their dots, `path` for paths whose parts do, `returned` for returned values of a list, and `header`,
    a word that comes before the first record.
    """

    section: Literal["apis", "file_access", "registry_access", "process_events", "traffic", "dns"]
    fields: tuple[tuple[FieldName, Kind], ...]
    most: int = 0
    header: str = ""


class TextFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parts of a report that are read, in the order in which they are read.

    `returned` are the values that the kind `returned` knows; another, or none at all, is `<ret_val>`.
    """

    parts: tuple[Part, ...]
    returned: tuple[str, ...] = ()


TEXT = TextFilter(
    parts=(
        Part("registry_access", (("event", "name"), ("path", "value"))),
        Part("traffic", (("server", "host"), ("port", "name")), most=256),
        Part("dns", (("query", "host"),), most=256),
        Part("file_access", (("event", "name"), ("path", "value"))),
        Part("apis", (("api_name", "name"), ("args", "argument"), ("ret_val", "argument"))),
    )
)

TEXT_2022 = TextFilter(
    parts=(
        Part("apis", (("api_name", "call"), ("ret_val", "returned")), header="apis"),
        Part("registry_access", (("event", "call"), ("path", "path")), header="registry_access"),
        Part("file_access", (("event", "call"), ("path", "path")), header="file_access"),
    )
)
"""How the rows of ids of `speakeasy-tokens` were made of reports in December 2022, found by comparing reports with their rows: 959 of 994
came out the same, id by id, and the others differ in a share's name. Arguments are not in it, and calls come first. Which returned values
were kept is the vocabulary's to say."""

_PATH = ("hash", "user", "drive", "lower")

PROFILE = Profile(
    fields=(
        Field("error.type", absent="<ended>"),
        Field("speakeasy.registry.path", ("registry-hive", "uuid", "lower"), absent="<no-registry>"),
        Field("destination.address", ("domain",), absent="<no-network>"),
        Field("dns.question.name", ("domain",), absent="<no-dns>"),
        Field("speakeasy.file.path", _PATH, absent="<no-files>"),
        Field("speakeasy.process.command_line", _PATH, absent="<no-processes>"),
        Field("speakeasy.api.name", ("lower",), absent="<no-calls>"),
        Field("speakeasy.api.args", (*_PATH[:-1], "ip-class", "hex", "lower"), absent="<no-arguments>"),
        Field("speakeasy.api.ret_val", ("hex",), absent="<no-returned-values>"),
    ),
    windows=Windowing(),
)
