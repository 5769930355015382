"""Who an event is about: ids and names of users and groups as ECS fields.

auditd logs ids. Names come, in this order, from what auditd appended to the record, from the tables `users` and `groups` of the
configuration, and from the one name that every Linux has: 0 is root. A name is never guessed from the machine that reads the log,
which is seldom the one that wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from logsentry.sdk import Value
from logsentry_auditd.entry import ABSENT, UNSET, Entry
from logsentry_auditd.kept import kept

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
_IDS = tuple(name for name, _ in (*_USERS, *_GROUPS))
_NAMES = tuple(name.upper() for name in _IDS)
_FILE_PLACES = (("user.id", "file.uid"), ("user.name", "file.owner"), ("group.id", "file.gid"), ("group.name", "file.group"))
_KEPT, _LENGTH = 4096, 512


class Directory:
    """Names by id and ids by name, of users and of groups."""

    def __init__(self, users: Mapping[str, str], groups: Mapping[str, str]) -> None:
        self.users = {"0": "root", **users}
        self.groups = {"0": "root", **groups}
        self._owners: dict[tuple[str | None, ...], dict[str, Value]] = {}
        self._user_ids = {name: number for number, name in self.users.items()}
        self._group_ids = {name: number for number, name in self.groups.items()}

    def put_user(self, fields: dict[str, Value], place: str, value: str, name: str = "") -> None:
        """Adds `place.id` and `place.name` of a value that is an id, a name, or `unknown(890)`."""
        _put(fields, place, value, name, self.users, self._user_ids)

    def put_group(self, fields: dict[str, Value], place: str, value: str, name: str = "") -> None:
        _put(fields, place, value, name, self.groups, self._group_ids)

    def put_process_owner(self, fields: dict[str, Value], entry: Entry) -> None:
        """The ids that a process had, as a SYSCALL record and its kin give them; most processes share theirs with others."""
        logged, names = entry.fields, entry.names
        key = tuple(map(logged.get, _IDS)) if not names else (*map(logged.get, _IDS), *map(names.get, _NAMES))
        found = self._owners.get(key)
        if found is None:
            found = self._owner(logged, names)
            self._keep(key, found)
        fields.update(found)

    def file_owner(self, uid: str, gid: str, owner: str, group: str) -> dict[str, Value]:
        """`file.uid`, `file.owner`, `file.gid` and `file.group`, from ids and the names beside them."""
        key = (uid, gid, owner, group)
        found = self._owners.get(key)
        if found is None:
            user: dict[str, Value] = {}
            self.put_user(user, "user", uid, owner)
            self.put_group(user, "group", gid, group)
            found = {place: user[name] for name, place in _FILE_PLACES if name in user}
            self._keep(key, found)
        return found

    def _keep(self, key: tuple[str | None, ...], found: dict[str, Value]) -> None:
        if sum(map(len, filter(None, key))) > _LENGTH:  # hostile values are not kept
            return
        if len(self._owners) >= _KEPT:
            self._owners.clear()
        self._owners[key] = found

    def _owner(self, logged: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        for name, place in _USERS:
            if (value := logged.get(name)) is not None:
                self.put_user(fields, place, value, names.get(name.upper(), ""))
        for name, place in _GROUPS:
            if (value := logged.get(name)) is not None:
                self.put_group(fields, place, value, names.get(name.upper(), ""))
        return fields


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


@kept
def _parts(text: str) -> tuple[tuple[str, str], ...]:
    """The parts of a label by name.

    SELinux labels are `user:role:domain:level:category`; AppArmor and Smack write others, kept whole as the domain.
    """
    if text in ABSENT:
        return ()
    parts = text.split(":", 4)
    if len(parts) < 3:
        return (("selinux.domain", text.lstrip("=") or text),)
    names = ("selinux.user", "selinux.role", "selinux.domain", "selinux.level", "selinux.category")
    return tuple((name, value) for name, value in zip(names, parts, strict=False) if value)


def put_label(fields: dict[str, Value], owner: str, text: str) -> None:
    """Adds `user.selinux.*` or `file.selinux.*`.

    >>> fields = {}
    >>> put_label(fields, "user", "staff_u:staff_r:staff_t:s0-s0:c0.c1023")
    >>> fields["user.selinux.level"], fields["user.selinux.category"]
    ('s0-s0', 'c0.c1023')
    """
    for name, value in _parts(text):
        fields[f"{owner}.{name}"] = value
