"""Which account a record is about: who acted, as whom, to whom it was done.

Chosen as auditbeat does (`aucoalesce/normalizations.yaml` of elastic/go-libaudit, Apache-2.0); what ids are called is for `identity.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from logsentry.sdk import Value
from logsentry_auditd.entry import ABSENT, UNSET, Entry, first_of
from logsentry_auditd.identity import PROCESS_IDS, Directory
from logsentry_auditd.kept import Remembered
from logsentry_auditd.mapping import AUTHENTICATION

_ACCOUNT = ("acct", "id", "uid")
_SUBJECT = ("id", "acct")
_ON_USER = {"ADD_USER": _SUBJECT, "DEL_USER": _SUBJECT, "USER_MGMT": ("acct", "id"), "USER_CHAUTHTOK": ("acct", "id")}
_ON_GROUP = frozenset(["ADD_GROUP", "DEL_GROUP", "GRP_MGMT", "GRP_CHAUTHTOK"])
_ON_OTHERS = frozenset(["ACCT_LOCK", "ACCT_UNLOCK", "ROLE_ASSIGN", "ROLE_REMOVE"])  # where auditbeat names no target
_ON_ACCOUNT = AUTHENTICATION | _ON_GROUP | _ON_OTHERS | {*_ON_USER, "LOGIN"}
_ASKED = ("auid", "uid", "acct", "id", "grp", "old-auid", "old_auid", "new-auid", "new_auid")  # of the records on accounts
_OLD, _NEW = ("old-auid", "old_auid"), ("new-auid", "new_auid", "auid")
_ROLES = ("user.name", "user.effective.name", "user.target.name", "user.audit.name")


class People(msgspec.Struct, frozen=True):
    """`fields` are `user.*`, `group.*` and the actors of the summary; `names` all names among them; `actor` is who acted."""

    fields: Mapping[str, Value]
    names: list[str]
    actor: str


class Cast:
    """Who is who in a record. Most records of a host name the same few, so an answer is kept for the next."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: Remembered[People] = Remembered()

    def of(self, entry: Entry) -> People:
        """`user` is who was logged in, `user.effective` as whom it was done or who logs in, `user.target` to whom it was done."""
        logged, names = entry.fields, entry.names
        kind = entry.type if entry.type in _ON_ACCOUNT else ""
        key = (kind, *map(logged.get, _ASKED if kind else PROCESS_IDS))
        if names:
            key = (*key, *names, *names.values())
        found = self._known.get(key)
        return self._known.keep(key, self._people(kind, logged, names)) if found is None else found

    def _people(self, kind: str, logged: Mapping[str, str], names: Mapping[str, str]) -> People:
        fields: dict[str, Value] = {}
        if kind:
            _put_accounts(fields, kind, logged, names, self._directory)
        else:
            self._directory.put_process_owner(fields, logged, names)
        get = fields.get
        first = get("user.audit.name") or get("user.audit.id")
        second = get("user.effective.name") or get("user.effective.id") or get("user.name") or get("user.id")
        fields["auditd.summary.actor.primary"] = first or "unset"
        if second is not None:
            fields["auditd.summary.actor.secondary"] = second
        users = sorted({str(user) for role in _ROLES if (user := get(role)) is not None})
        return People(fields, users, str(first or second or "somebody"))


def _put_accounts(
    fields: dict[str, Value], kind: str, logged: Mapping[str, str], names: Mapping[str, str], directory: Directory
) -> None:
    put = directory.put_user
    if kind == "LOGIN":
        put(fields, "user", first_of(logged, _OLD), names.get("OLD-AUID", ""))
        put(fields, "user.effective", first_of(logged, _NEW), names.get("AUID", ""))
        put(fields, "user.audit", first_of(logged, _NEW), names.get("AUID", ""))
        return
    login, name = logged.get("auid", ""), names.get("AUID", "")
    put(fields, "user.audit", login, name)
    if kind in _ON_OTHERS:
        put(fields, "user", logged.get("uid", ""), names.get("UID", ""))
        _put_target(fields, kind, logged, names, directory)
        return
    if kind in AUTHENTICATION:
        account = next((name for name in _ACCOUNT if logged.get(name, "?") not in ABSENT), "uid")
        named = "" if account == "acct" else names.get(account.upper(), "")
        put(fields, "user.effective", logged.get(account, ""), named)
        if login in UNSET and account == "acct":  # nobody was logged in yet: it is this account's own doing
            put(fields, "user", logged["acct"])
    else:
        put(fields, "user.effective", logged.get("uid", ""), names.get("UID", ""))
        _put_target(fields, kind, logged, names, directory)
    put(fields, "user", login, name)


def _put_target(
    fields: dict[str, Value], kind: str, logged: Mapping[str, str], names: Mapping[str, str], directory: Directory
) -> None:
    """The account or group that was made, changed or removed: its id and, where the program logged both, its name."""
    if kind in _ON_GROUP:
        for name in ("acct", "grp", "id"):
            directory.put_group(fields, "group", logged.get(name, ""), names.get("ID", "") if name == "id" else "")
        return
    directory.put_group(fields, "group", logged.get("grp", ""))
    for name in reversed(_ON_USER.get(kind, _SUBJECT)):
        directory.put_user(fields, "user.target", logged.get(name, ""), names.get("ID", "") if name == "id" else "")
