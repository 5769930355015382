"""The fields of one record's text: quotes, hexadecimal, nested messages, names that auditd added, old and broken forms.

Only fields that the kernel or libaudit may encode are read as hexadecimal, and only where they stand without quotes
(audit_log_n_untrustedstring in the kernel): `a0=` of a SYSCALL is a number, `a0=` of an EXECVE is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from logsentry.sdk import readable
from logsentry_auditd import usual
from logsentry_auditd.entry import Entry

_PAIR = re.compile(r"""(?<![A-Za-z0-9_])([A-Za-z0-9_][\w\-\[\].]*+)=("[^"]*"|\{[^{}]*\}|[^\s"]*)""")
_ENRICHED = re.compile(r"""([A-Z][A-Z0-9_-]*)=("[^"]*"|\{[^{}]*\}|[^\s"]*)""")
_INTERPRETED = re.compile(r"(?:^|(?<=\s))([\w\-\[\]]+)=(\{.*?\}|.*?)(?=\s+[\w\-\[\]]+=|\s*$)", re.DOTALL)
_ARGUMENT = re.compile(r"(?:^|(?<=\s))(a[0-9]+|argc)=(.*?)(?=\s+a[0-9]+=|\s*$)", re.DOTALL)
_OPERATION = re.compile(r"op=([^\"'=]*?),? (?=[\w-]+=)")
_OLD_LOGIN = re.compile(r"\b(old|new) (auid|ses)=")
_AVC = re.compile(r"avc: +(\w+) +\{ ([^}]*?) \}")
_SEPARATOR = re.compile(r"\x1d|#035|(?<=[\w)\"'}])(?=ARCH=|[A-Z]?UID=\"|SADDR=\{)")
# linux-audit's field dictionary, format "encoded"; in the last line what AppArmor and rpm encode too.
_ENCODED_WORDS = """
acct apparmor cgroup cmd comm cwd data device dir exe file grp invalid_context key name new-chardev new-disk new-fs new-net new-rng
ocomm old-chardev old-disk old-fs old-net old-rng path proctitle vm watch
profile peer srcname sw root_dir
"""
ENCODED = frozenset(_ENCODED_WORDS.split())
_ENDINGS = frozenset(",)'")
_NONE: list[str] = []  # never filled: one empty list for all
_HEX = re.compile(r"(?:[0-9A-F]{2})+")  # the kernel and libaudit write capitals; acct=cafe is a name


def entry(kind: str, body: str) -> Entry:
    """The fields of what follows the header of a line of this type."""
    names: dict[str, str] = {}
    if "\x1d" in body or _may_have_names(body):
        body, names = _without_names(body)
    if kind == "SYSCALL":
        fields = usual.syscall(body, text_of)
    elif kind == "PATH":
        fields = usual.path(body, text_of)
    else:
        fields = usual.message(body, text_of) if "msg='" in body else None
    return Entry(kind, general(kind, body) if fields is None else fields, names, _NONE)


def general(kind: str, body: str) -> dict[str, str]:
    """The fields of a record in whatever order, without the names that auditd added."""
    if kind == "EXECVE":
        return dict(_PAIR.findall(body))
    quote = body.find("msg='")
    if quote >= 0:
        fields = pairs(body[:quote])
        fields.update(_message(body[quote + 5 :].rstrip().removesuffix("'")))
    else:
        if kind == "LOGIN" and ("old auid=" in body or "new auid=" in body):
            body = _OLD_LOGIN.sub(r"\1-\2=", body)
        fields = pairs(body)
    if "avc:" in body and (avc := _AVC.search(body)) is not None:
        fields["seresult"], fields["seperms"] = avc[1], avc[2]
    if "objtype" in fields:  # what nametype was called before Linux 3.17
        fields["nametype"] = fields.pop("objtype")
    return fields


def text_of(value: str) -> str:
    """A value of an encodable field: quoted text, hexadecimal, or a word such as `(null)`."""
    if value[0] == '"':
        return value[1:-1]
    return decoded(value.rstrip(",)")) if value[0] != "(" else value


def _may_have_names(body: str) -> bool:
    return 'UID="' in body or "ARCH=" in body or "SADDR={" in body or "#035" in body


def pairs(text: str) -> dict[str, str]:
    """`{name: value}` of a text; a name that comes twice keeps its last value."""
    fields = dict(_PAIR.findall(text))
    for name, value in fields.items():
        last = value[-1:]
        if last == '"':
            fields[name] = value[1:-1]
        elif name in ENCODED:
            fields[name] = decoded(value.rstrip(",)")) if value[:1] != "(" else value
        elif last in _ENDINGS and "(" not in value:
            fields[name] = value.rstrip(",)'")
    return fields


def _message(text: str) -> dict[str, str]:
    """The fields that a program wrote between `'` and `'`, also inside the round brackets of RHEL 5 and 6."""
    fields = pairs(text)
    if (operation := _OPERATION.match(text)) is not None:
        fields["op"] = operation[1]
    return fields


def _without_names(body: str) -> tuple[str, dict[str, str]]:
    """Cuts off what auditd appended with `log_format = ENRICHED`; a forwarder may have lost or escaped the separator."""
    if "\x1d" in body:
        body, _, added = body.partition("\x1d")
    elif (cut := _SEPARATOR.search(body)) is not None:
        body, added = body[: cut.start()], body[cut.end() :]
    else:
        return body, {}
    return body, {name: value.strip('"') for name, value in _ENRICHED.findall(added)}


def decoded(value: str) -> str:
    """Text out of hexadecimal where the value is that; other values as they are. NUL ends nothing: it becomes a blank."""
    if _HEX.fullmatch(value) is None:
        return value
    return readable(bytes.fromhex(value).rstrip(b"\0")).replace("\0", " ")


def words(value: str) -> list[str]:
    """The arguments of a process title: NUL stands between them."""
    if _HEX.fullmatch(value) is None:
        return [value]
    return [readable(word) for word in bytes.fromhex(value).rstrip(b"\0").split(b"\0")]


def argument(pieces: Sequence[str]) -> str:
    """One argument of EXECVE from its pieces as logged: quoted is text, unquoted is hexadecimal, and only all pieces of hexadecimal
    together are whole characters."""
    if all(_HEX.fullmatch(piece) for piece in pieces):
        return readable(bytes.fromhex("".join(pieces)))
    return "".join(piece.strip('"') if piece[:1] == '"' else decoded(piece) for piece in pieces)


def interpreted(kind: str, body: str) -> Entry:
    """The fields of a line of `ausearch -i`, where no value has quotes and blanks are not escaped."""
    if kind == "EXECVE":
        fields = dict(_ARGUMENT.findall(body))
        count = sum(name != "argc" for name in fields)
        return Entry(kind, fields, {}, [fields[f"a{at}"] for at in range(count) if f"a{at}" in fields])
    if kind == "PROCTITLE":
        return Entry(kind, {"proctitle": body.partition("proctitle=")[2].strip()}, {}, [])
    text = body.replace("msg='", " ").replace(" (hostname=", " hostname=").rstrip().removesuffix("'")
    if kind == "LOGIN":
        text = _OLD_LOGIN.sub(r"\1-\2=", text)
    fields = {name: (value.rstrip(",)") if "(" not in value else value).strip('"') for name, value in _INTERPRETED.findall(text)}
    if "avc:" in body and (avc := _AVC.search(body)) is not None:
        fields["seresult"], fields["seperms"] = avc[1], avc[2]
    return Entry(kind, fields, {}, [])
