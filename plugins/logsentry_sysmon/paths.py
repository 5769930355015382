"""Files and programs: a path with its folder, name and ending, and `DOMAIN\\user`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from logsentry_sysmon.kept import kept

_EXTENSION = re.compile(r".+\.([^.\\/:\s]{1,32})", re.DOTALL)


def name_of(path: str) -> str:
    r"""The last part of a Windows path or, where it has no backslash, of a Unix one.

    >>> name_of(r"C:\Windows\regedit.exe"), name_of("/usr/bin/curl"), name_of("System")
    ('regedit.exe', 'curl', 'System')
    """
    return path.rpartition("\\" if "\\" in path else "/")[2]


@kept
def file_fields(path: str) -> Mapping[str, str]:
    r"""`file.path`, `directory`, `name` and `extension`; a stream behind a colon is part of the name, but of no extension.

    >>> file_fields(r"C:\Users\bob\a.tmp")["file.extension"], file_fields(r"\\.\a.b\c")
    ('tmp', {'file.path': '\\\\.\\a.b\\c', 'file.directory': '\\\\.\\a.b', 'file.name': 'c'})
    """
    fields = {"file.path": path}
    folder, slash, name = path.rpartition("\\" if "\\" in path else "/")
    if slash:
        if folder:
            fields["file.directory"] = folder
        if name:
            fields["file.name"] = name
    if (ending := _EXTENSION.fullmatch(name.partition(":")[0] if slash else name)) is not None:
        fields["file.extension"] = ending[1]
    return fields


@kept
def account(user: str) -> tuple[str, str]:
    r"""(domain, name); the domain is empty where none is told.

    >>> account(r"NT AUTHORITY\SYSTEM"), account("root")
    (('NT AUTHORITY', 'SYSTEM'), ('', 'root'))
    """
    domain, _, name = user.rpartition("\\")
    return domain, name
