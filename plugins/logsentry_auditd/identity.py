"""Who an event is about: ids and names of users and groups as ECS fields.

auditd logs ids. Names come, in this order, from what auditd appended to the record, from the tables `users` and `groups` of the
configuration, and from the one name that every Linux has: 0 is root. A name is never guessed from the machine that reads the log,
which is seldom the one that wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from logsentry.sdk import Value
from logsentry_auditd.entry import ABSENT, UNSET
from logsentry_auditd.kept import Remembered

_UNKNOWN = re.compile(r"unknown\(([0-9]+)\)")  # how ausearch -i shows an id without a name

# (field of the record, ECS place); the login user and the saved and file-system ids have no place in ECS itself.
_USERS = (
    ("uid", "user"),
    ("auid", "user.audit"),
    ("euid", "user.effective"),
    ("suid", "user.saved"),
    ("fsuid", "user.filesystem"),
)
_GROUPS = (
    ("gid", "user.group"),
    ("egid", "user.effective.group"),
    ("sgid", "user.saved.group"),
    ("fsgid", "user.filesystem.group"),
)
PROCESS_IDS = tuple(name for name, _ in (*_USERS, *_GROUPS))
_FILE_PLACES = (("user.id", "file.uid"), ("user.name", "file.owner"), ("group.id", "file.gid"), ("group.name", "file.group"))


_LABELS: Remembered[dict[str, Value]] = Remembered()


class Directory:
    """Names by id and ids by name, of users and of groups."""

    def __init__(self, users: Mapping[str, str], groups: Mapping[str, str]) -> None:
        self.users = {"0": "root", **users}
        self.groups = {"0": "root", **groups}
        self._owners: Remembered[dict[str, Value]] = Remembered()
        self._user_ids = {name: number for number, name in self.users.items()}
        self._group_ids = {name: number for number, name in self.groups.items()}

    def put_user(self, fields: dict[str, Value], place: str, value: str, name: str = "") -> None:
        """Adds `place.id` and `place.name` of a value that is an id, a name, or `unknown(890)`."""
        _put(fields, place, value, name, self.users, self._user_ids)

    def put_group(self, fields: dict[str, Value], place: str, value: str, name: str = "") -> None:
        _put(fields, place, value, name, self.groups, self._group_ids)

    def put_process_owner(self, fields: dict[str, Value], logged: Mapping[str, str], names: Mapping[str, str]) -> None:
        """The ids that a process had, as a SYSCALL record and its kin give them."""
        for name, place in _USERS:
            if (value := logged.get(name)) is not None:
                self.put_user(fields, place, value, names.get(name.upper(), ""))
        for name, place in _GROUPS:
            if (value := logged.get(name)) is not None:
                self.put_group(fields, place, value, names.get(name.upper(), ""))

    def file_owner(self, uid: str, gid: str, owner: str, group: str) -> Mapping[str, Value]:
        """`file.uid`, `file.owner`, `file.gid` and `file.group`, from ids and the names beside them."""
        key = (uid, gid, owner, group)
        found = self._owners.get(key)
        return self._owners.keep(key, self._file_owner(*key)) if found is None else found

    def _file_owner(self, uid: str, gid: str, owner: str, group: str) -> dict[str, Value]:
        user: dict[str, Value] = {}
        self.put_user(user, "user", uid, owner)
        self.put_group(user, "group", gid, group)
        return {place: user[name] for name, place in _FILE_PLACES if name in user}


def _put(
    fields: dict[str, Value], place: str, value: str, name: str, names: Mapping[str, str], numbers: Mapping[str, str]
) -> None:
    if value in UNSET or value in ABSENT:
        return
    if (unknown := _UNKNOWN.fullmatch(value)) is not None:
        value = unknown[1]
    if value.isascii() and value.isdigit():
        fields[f"{place}.id"] = value
        name = names.get(value, "") if name in UNSET or _UNKNOWN.fullmatch(name) else name
        if name:
            fields[f"{place}.name"] = name
        return
    fields[f"{place}.name"] = value
    if (number := numbers.get(value)) is not None:
        fields[f"{place}.id"] = number


def _label(owner: str, text: str) -> dict[str, Value]:
    """The parts of a label by field.

    SELinux labels are `user:role:domain:level:category`; AppArmor and Smack write others, kept whole as the domain.
    """
    if text in ABSENT:
        return {}
    parts = text.split(":", 4)
    if len(parts) < 3:
        return {f"{owner}.selinux.domain": text.lstrip("=") or text}
    names = ("user", "role", "domain", "level", "category")
    return {f"{owner}.selinux.{name}": value for name, value in zip(names, parts, strict=False) if value}


def put_label(fields: dict[str, Value], owner: str, text: str) -> None:
    """Adds `user.selinux.*` or `file.selinux.*`.

    >>> fields = {}
    >>> put_label(fields, "user", "staff_u:staff_r:staff_t:s0-s0:c0.c1023")
    >>> fields["user.selinux.level"], fields["user.selinux.category"]
    ('s0-s0', 'c0.c1023')
    """
    found = _LABELS.get((owner, text))
    fields.update(_LABELS.keep((owner, text), _label(owner, text)) if found is None else found)
