"""What records of each type say, as the kernel and programs write them: the types of linux-audit's message dictionary, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from logsentry_auditd.actions import OF_RECORD
from logsentry_auditd.source import Auditd
from logsentry_auditd.tables import TYPE_NUMBERS, socket_call

from logsentry.sdk import Event, Record
from logsentry.testing import record_of

KERNEL = "auid=1000 uid=0 gid=0 ses=1 subj=u:r:t:s0"
USER = "pid=9 uid=0 auid=1000 ses=1"
NOBODY = "pid=9 uid=0 auid=4294967295 ses=4294967295"


def fields_of(kind: str, body: str) -> dict[str, Any]:
    [event] = Auditd(Auditd.Config()).decode(record_of(f"type={kind} msg=audit(1.001:1): {body}".encode()))  # type: ignore[misc]
    assert isinstance(event, Event)
    return dict(event.fields)


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (
            "ANOM_ABEND",
            f'{KERNEL} pid=3021 comm="crash" exe="/tmp/crash" sig=11 res=1',
            {"event.kind": "alert", "event.action": "crashed-program", "process.executable": "/tmp/crash", "auditd.data.sig": "11"},
        ),
        (
            "ANOM_PROMISCUOUS",
            "dev=eth0 prom=256 old_prom=0 auid=1000 uid=0 gid=0 ses=1",
            {"auditd.data.dev": "eth0", "auditd.summary.object.primary": "eth0", "user.audit.id": "1000"},
        ),
        (
            "USER_CMD",
            f"{USER} msg='cwd=\"/x\" cmd=6C73202D6C exe=\"/usr/bin/sudo\" terminal=pts/0 res=success'",
            {"process.command_line": "ls -l", "process.working_directory": "/x", "event.action": "ran-command"},
        ),
        (
            "USER_AUTH",
            f"{NOBODY} msg='op=PAM:authentication grantors=? acct=\"bob\" exe=\"/x\" hostname=? addr=1.2.3.4 terminal=ssh res=failed'",
            {"user.name": "bob", "user.effective.name": "bob", "source.ip": "1.2.3.4", "event.outcome": "failure"},
        ),
        (
            "USER_MGMT",
            f"{USER} msg='op=add-user-to-group grp=\"wheel\" acct=\"bob\" exe=\"/x\" hostname=? addr=? terminal=? res=success'",
            {"user.id": "1000", "user.target.name": "bob", "group.name": "wheel", "user.effective.id": "0"},
        ),
        (
            "ROLE_ASSIGN",
            f"{USER} msg='op=login-sename,role acct=\"bob\" new-seuser=staff_u exe=\"/x\" hostname=? addr=? terminal=? res=success'",
            {"user.id": "0", "user.target.name": "bob", "related.user": ["bob", "root"], "auditd.data.op": "login-sename,role"},
        ),
        (
            "ACCT_LOCK",
            f"{USER} msg='op=locked-password id=1001 exe=\"/usr/bin/passwd\" hostname=? addr=? terminal=? res=success'",
            {"event.action": "locked-account", "user.target.id": "1001"},
        ),
        (
            "CRYPTO_SESSION",
            f"{NOBODY} msg='op=start direction=from-server cipher=x spid=10 suid=74 rport=55352 laddr=10.0.0.1 lport=22 "
            "exe=\"/usr/sbin/sshd\" hostname=? addr=10.0.0.2 terminal=? res=success'",
            {"source.ip": "10.0.0.2", "source.port": 55352, "destination.ip": "10.0.0.1", "destination.port": 22},
        ),
        ("DAEMON_ACCEPT", "op=accepted addr=10.0.0.9 port=35000 res=success", {"source.ip": "10.0.0.9", "source.port": 35000}),
        (
            "NETFILTER_PKT",
            "mark=0x0 saddr=10.0.0.1 daddr=10.0.0.2 proto=17 sport=68 dport=67",
            {"source.ip": "10.0.0.1", "source.port": 68, "destination.port": 67, "network.transport": "udp"},
        ),
        (
            "MAC_IPSEC_EVENT",
            "op=SAD-add auid=1000 ses=1 src=10.1.1.1 dst=10.1.1.2 spi=12(0xc) res=1",
            {"source.ip": "10.1.1.1", "destination.ip": "10.1.1.2", "auditd.data.spi": "12(0xc)"},
        ),
        (
            "SOFTWARE_UPDATE",
            f"{USER} msg='sw=\"bash-5.1.8-6.el9.x86_64\" sw_type=rpm comm=\"dnf\" exe=\"/x\" hostname=h addr=? terminal=? res=success'",
            {"package.name": "bash", "package.version": "5.1.8-6.el9", "package.architecture": "x86_64", "package.type": "rpm"},
        ),
        (
            "VIRT_MACHINE_ID",
            f"{NOBODY} msg='virt=kvm vm=\"f18\" uuid=a-b vm-ctx=c exe=\"/x\" hostname=? addr=? terminal=? res=success'",
            {"container.name": "f18", "container.runtime": "kvm", "auditd.summary.object.primary": "f18"},
        ),
        (
            "INTEGRITY_DATA",
            'pid=7 uid=0 auid=0 ses=1 op=appraise_data cause=missing-hash comm="sh" name="/bin/x" dev="dm-0" ino=12 res=0',
            {"file.path": "/bin/x", "file.inode": "12", "file.device": "dm-0", "event.outcome": "failure"},
        ),
        ("INTEGRITY_RULE", 'file="/x" hash="sha256:00ff" pid=5 uid=0', {"file.path": "/x", "file.hash.sha256": "00ff"}),
        (
            "AVC",
            'avc:  denied  { read } for  pid=5 comm="x" name="shadow" dev="dm-0" ino=3 scontext=u:r:a:s0 tcontext=u:object_r:b:s0 '
            "tclass=file permissive=0",
            {"file.name": "shadow", "file.inode": "3", "user.selinux.domain": "a", "file.selinux.domain": "b"},
        ),
        (
            "USER_AVC",
            f"{NOBODY} subj=u:r:init_t:s0 msg='avc:  denied  {{ start }} for auid=n/a uid=0 gid=0 scontext=u:r:a:s0 tcontext=u:r:b:s0 "
            "tclass=service exe=\"/x\" sauid=0 hostname=? addr=? terminal=?'",
            {"event.outcome": "failure", "user.selinux.domain": "init_t", "auditd.data.seperms": "start"},
        ),
        (
            "SECCOMP",
            f'{KERNEL} pid=12 comm="x" exe="/x" sig=31 arch=c000003e syscall=42 compat=0 ip=0x7f code=0x0',
            {"event.category": ["network"], "event.type": ["connection", "start"], "auditd.data.syscall": "connect"},
        ),
        ("BPF", "prog-id=75 op=UNLOAD", {"event.action": "bpf", "event.category": ["driver"], "auditd.data.op": "UNLOAD"}),
        ("FANOTIFY", "resp=2 fan_type=0 fan_info=0", {"event.action": "accessed-policy-controlled-file"}),
        ("TTY", "tty pid=5 uid=0 auid=1000 ses=1 major=136 minor=0 comm=\"bash\" data=6C73200D", {"auditd.data.data": "ls \r"}),
        ("OBJ_PID", 'opid=99 oauid=1000 ouid=0 obj=u:r:t:s0 ocomm="sleep"', {"auditd.data.ouid": "0", "auditd.data.obj": "u:r:t:s0"}),
        ("KERN_MODULE", 'name="vfat"', {"auditd.data.name": "vfat", "event.action": "loaded-kernel-module"}),
        ("PROCTITLE", "proctitle=636174002D6E002F657463", {"process.title": "cat -n /etc"}),
        ("MMAP", "fd=3 flags=0x2", {"auditd.data.fd": "3"}),
        ("SERVICE_START", f"{NOBODY} msg='unit=20 comm=\"systemd\" exe=\"/x\" hostname=? addr=? terminal=? res=success'",
         {"auditd.data.unit": "20"}),
        ("USER_ACCT", f"{USER} msg='PAM: accounting acct=cafe : exe=\"/x\" (hostname=?, addr=?, terminal=cron res=success)'",
         {"user.effective.name": "cafe"}),
    ],
)  # fmt: skip
def test_what_a_record_says(kind: str, body: str, expected: dict[str, Any]) -> None:
    fields = fields_of(kind, body)
    assert {name: fields.get(name) for name in expected} == expected


def test_a_login_user_is_never_replaced_by_the_account_that_he_logs_in_to() -> None:
    body = f'{USER} msg=\'op=PAM:authentication acct="root" exe="/bin/su" hostname=? addr=? terminal=pts/0 res=success\''
    fields = fields_of("USER_AUTH", body)
    assert (fields["user.id"], fields["user.effective.name"]) == ("1000", "root")
    assert "user.name" not in fields


def test_the_one_call_of_old_architectures_is_told_by_its_argument() -> None:
    call = (
        f"arch=40000003 syscall=102 success=yes exit=0 a0=3 a1=bf a2=0 a3=0 items=0 ppid=1 pid=5 {KERNEL} tty=pts0 "
        'comm="x" exe="/x" key=(null)'
    )
    lines = (f"SYSCALL {call}", "SOCKETCALL nargs=3 a0=3 a1=bf a2=10", "SOCKADDR saddr=020000500A0000010000000000000000", "EOE ")
    joiner, answers = Auditd(Auditd.Config()).joiner(), []
    for at, line in enumerate(lines):
        kind, _, body = line.partition(" ")
        answers += joiner.feed(Record(f"type={kind} msg=audit(1.001:1): {body}".encode(), "x", "x", at, {}))
    [event] = answers[0].events
    assert event.fields["event.action"] == "connected-to"
    assert (event.fields["destination.ip"], event.fields["network.direction"]) == ("10.0.0.1", "egress")
    assert (socket_call("12"), socket_call("0xb"), socket_call("99")) == ("accept4", "sendto", "")


def test_answers_that_are_kept_are_no_others_answers() -> None:
    source = Auditd(Auditd.Config())
    body = 'type=USER_MGMT msg=audit(1.001:{}): pid=9 uid=0 auid=1000 ses=1 msg=\'op=x acct="{}" exe="/x" res=success\''
    events = [source.decode(record_of(body.format(at, name).encode()))[0] for at, name in enumerate("abab")]  # type: ignore[index]
    assert [event.fields["user.target.name"] for event in events] == ["a", "b", "a", "b"]
    events[0].fields["related.user"].append("z")  # type: ignore[union-attr]
    assert events[2].fields["related.user"] == ["a", "root"]


def test_every_named_type_exists() -> None:
    assert set(OF_RECORD) <= set(TYPE_NUMBERS)
