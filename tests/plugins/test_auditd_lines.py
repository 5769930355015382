"""Lines one by one: headers, values, hexadecimal, socket addresses, arguments, numbers and their names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logsentry_auditd import usual
from logsentry_auditd.execve import arguments
from logsentry_auditd.header import header
from logsentry_auditd.sockaddr import address
from logsentry_auditd.source import Auditd
from logsentry_auditd.tables import architecture, error_name, stands_alone, syscall_name, type_name
from logsentry_auditd.values import entry, general, text_of

from logsentry.sdk import BadRecord, Event, Filtered
from logsentry.testing import record_of


def one(line: str, **config: object) -> Event:
    decoded = Auditd(Auditd.Config(**config)).decode(record_of(line.encode()))
    assert not isinstance(decoded, Filtered)
    [event] = decoded
    return event


@pytest.mark.parametrize(
    ("line", "kind", "stamp"),
    [
        ("type=CWD msg=audit(1.002:3): cwd=x", "CWD", ("", 1_002_000_000, 3)),
        ("node=web1 type=CWD msg=audit(1.002:3): cwd=x", "CWD", ("web1", 1_002_000_000, 3)),
        ("type=UNKNOWN[1334] msg=audit(1.002:3): x=1", "BPF", ("", 1_002_000_000, 3)),
        ("type=1300 audit(1.002:3): x=1", "SYSCALL", ("", 1_002_000_000, 3)),
        ("Jun  1 10:00:00 db7 audispd: type=CWD msg=audit(1.002:3): cwd=x", "CWD", ("db7", 1_002_000_000, 3)),
        ("<13>2024-06-01T10:00:00Z db7 audisp-syslog: node=n type=CWD msg=audit(1.002:3): x=1", "CWD", ("n", 1_002_000_000, 3)),
        ("audit(1.002:3): arch=c000003e", "SYSCALL", ("", 1_002_000_000, 3)),
        ("type=PATH msg=audit(01/28/07 21:58:13.977:293) : item=0", "PATH", ("", 1170021493977000000, 293)),
        ("type=PATH msg=audit(28.01.2007 21:58:13.977:293) : item=0", "PATH", ("", 1170021493977000000, 293)),
    ],
)
def test_headers(line: str, kind: str, stamp: tuple[str, int, int]) -> None:
    assert header(line)[:2] == (kind, stamp)


@pytest.mark.parametrize(
    "line", ["hello", "type=CWD", "audit(1.002)", "audit(999999999999.000:1): x=1", "audit(13/13/13 25:00:00.000:1): x=1"]
)
def test_lines_without_a_real_stamp_are_refused(line: str) -> None:
    with pytest.raises(BadRecord):
        header(line)


def test_only_encodable_fields_without_quotes_are_hexadecimal() -> None:
    fields = entry("SYSCALL", 'a0=2f62 comm=2F62 exe="2F62" pid=1234 key=61016263').fields
    assert fields == {"a0": "2f62", "comm": "/b", "exe": "2F62", "pid": "1234", "key": "a\x01bc"}
    assert entry("USER_CMD", "msg='cwd=\"/\" cmd=6C73202D6C terminal=? res=success'").fields["cmd"] == "ls -l"
    assert entry("CWD", "cwd=2FFF").fields["cwd"] == "/\\xff"


def test_old_brackets_nested_messages_and_operations_with_blanks() -> None:
    old = entry(
        "USER_END",
        "user pid=1 uid=0 msg='PAM: session close acct=root : exe=\"/x\" (hostname=?, addr=1.2.3.4, terminal=cron res=success)'",
    )
    assert {"acct": "root", "addr": "1.2.3.4", "terminal": "cron", "res": "success"}.items() <= old.fields.items()
    assert (
        entry("ADD_GROUP", "pid=1 msg='op=adding group to /etc/group id=4 exe=\"/x\" res=success'").fields["op"]
        == "adding group to /etc/group"
    )
    assert entry("LOGIN", "login pid=1 uid=0 old auid=4294967295 new auid=7").fields["new-auid"] == "7"
    daemon = entry("DAEMON_START", "auditd start, ver=2.4 format=raw auid=4294967295 pid=1437 res=failed").fields
    assert daemon["ver"] == "2.4"


@pytest.mark.parametrize("separator", ["\x1d", "#035", ""])
def test_names_that_auditd_added(separator: str) -> None:
    event = one(
        "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 uid=1000 auid=0 euid=0 "
        f'key=(null){separator}ARCH=x86_64 SYSCALL=execve UID="bob" AUID="root"'
    )
    assert event.fields["user.name"] == "bob"
    assert event.fields["user.id"] == "1000"
    assert "tags" not in event.fields


def test_names_come_from_the_configuration_and_never_from_this_machine() -> None:
    line = "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=yes uid=1000 gid=5"
    assert "user.name" not in one(line).fields
    told = one(line, users={"1000": "bob"}, groups={"5": "tty"}).fields
    assert (told["user.name"], told["user.group.name"]) == ("bob", "tty")


def test_a_label_of_apparmor_is_no_selinux_user() -> None:
    fields = one("type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 uid=0 subj=/usr/sbin/chronyd").fields
    assert "user.selinux.user" not in fields
    assert fields["user.selinux.domain"] == "/usr/sbin/chronyd"


@pytest.mark.parametrize(
    ("saddr", "fields"),
    [
        ("0200E31C4853E6640000000000000000", {"family": "ipv4", "addr": "72.83.230.100", "port": "58140"}),
        ("00020050A9FEA9FE0000000000000000", {"family": "ipv4", "addr": "169.254.169.254", "port": "80"}),
        ("0A002BCB000000000000000000000000000000000000000100000000", {"family": "ipv6", "addr": "::1", "port": "11211"}),
        ("01007075626C69632F7069636B757000", {"family": "unix", "path": "public/pickup"}),
        ("0100006162", {"family": "unix", "path": "@ab"}),
        ("100000000000000000000000", {"family": "netlink"}),
        ("{ saddr_fam=inet laddr=1.2.3.4 lport=80 }", {"family": "ipv4", "addr": "1.2.3.4", "port": "80"}),
        ("02", {}),
        ("xyz", {}),
        ("0200", {"family": "ipv4"}),
    ],
)
def test_socket_addresses(saddr: str, fields: dict[str, str]) -> None:
    assert address(saddr) == fields


def test_arguments_are_put_together_over_records() -> None:
    first = entry("EXECVE", 'argc=3 a0="ls" a1_len=8 a1[0]=C3')
    second = entry("EXECVE", ' a1[1]=A461 a2="x y"')
    assert arguments([first, second]) == (["ls", "äa", "x y"], 3)
    assert arguments([second]) == (["\\xa4a", "x y"], 2)
    assert arguments([entry("EXECVE", "argc=2 a0=31 a1=9")]) == (["1", "9"], 2)


def test_numbers_have_names() -> None:
    assert [
        syscall_name(architecture(code), number) for code, number in (("c000003e", "59"), ("40000003", "11"), ("c00000b7", "221"))
    ] == ["execve"] * 3
    assert syscall_name("x86_64", "99999") == "99999"
    assert (error_name("-13"), error_name("EACCES(Permission denied)"), error_name("5")) == ("EACCES", "EACCES", "5")
    assert (type_name("1112"), type_name("AUOMS_EXECVE"), type_name("UNKNOWN[9]")) == ("USER_LOGIN", "EXECVE", "UNKNOWN[9]")
    assert [stands_alone(kind) for kind in ("USER_LOGIN", "KERNEL", "UNKNOWN[1199]", "LOGIN", "SYSCALL", "ODD")] == [True] * 3 + [
        False
    ] * 3


_IDS = "auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0"
_words = st.sampled_from(["sh", "2F62", '"/bin/sh"', "(null)", '"a b"', "1", "x,", "x)"])


@settings(max_examples=200)
@given(comm=_words, exe=_words, key=_words, subj=st.sampled_from(["", " subj=u:r:t:s0", " subj=?"]))
def test_the_usual_order_is_read_like_any_other(comm: str, exe: str, key: str, subj: str) -> None:
    call = (
        "arch=c000003e syscall=59 success=yes exit=-2 a0=1 a1=2 a2=3 a3=4 items=2 ppid=1 pid=2 "
        f"{_IDS} tty=pts0 ses=8 comm={comm} exe={exe}{subj} key={key}"
    )
    assert usual.syscall(call, text_of) in (general("SYSCALL", call), None)
    path = (
        f"item=0 name={comm} inode=1 dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 obj={exe} nametype=NORMAL cap_fp=0 cap_fi=0"
    )
    assert usual.path(path, text_of) in (general("PATH", path), None)
    message = f"pid=1 uid=0 auid=0 ses=1{subj} msg='op=PAM:x acct={comm} exe=\"/x\" hostname=? addr=? terminal=ssh res=success'"
    assert usual.message(message, text_of) in (general("USER_AUTH", message), None)
    numbered = "pid=1 uid=0 auid=0 msg='op=add-user id=1004 exe=\"/x\" hostname=? addr=? terminal=ssh res=success'"
    assert usual.message(numbered, text_of) == general("ADD_USER", numbered)


def test_the_usual_order_is_taken_by_its_own_expression() -> None:
    begins = f"arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=1 pid=2 {_IDS} tty=pts0 ses=8"
    call = f'{begins} comm="sh" exe="/x" key=(null)'
    assert usual.syscall(call, text_of) is not None
    login = "pid=1 uid=0 auid=0 ses=1 msg='op=login id=1004 exe=\"/x\" hostname=? addr=? terminal=ssh res=success'"
    assert (usual.message(login, text_of) or {})["id"] == "1004"  # digits, and no hexadecimal: an id is never encoded


def test_a_line_of_auoms_is_a_whole_event() -> None:
    fields = one(
        'type=AUOMS_EXECVE audit(1652292621.986:84138): SchemaVersion="1" node=UBUNTU5 arch=x86_64 syscall=execve success=no exit=-2 '
        'pid=17790 audit_user=unset auid=4294967295 user=tomcat uid=1001 ses="-1" comm="http" exe="/usr/bin/java" key=auoms,delete '
        'cwd="/" name="/usr/local/sbin/bash" nametype=UNKNOWN proctitle=/usr/bin/java -D a redactors= containerid='
    ).fields
    assert (fields["host.name"], fields["user.name"], fields["event.action"]) == ("UBUNTU5", "tomcat", "executed")
    assert (fields["file.path"], fields["process.title"]) == ("/usr/local/sbin/bash", "/usr/bin/java -D a")
    assert (fields["tags"], fields["auditd.entity"]) == (["auoms", "delete"], "program /usr/bin/java")
