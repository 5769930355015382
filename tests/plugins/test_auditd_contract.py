"""The source keeps the contract of every source, on one record of each shape that is met."""

from __future__ import annotations

from logsentry_auditd.source import Auditd

from logsentry.sdk import Framed, Joining
from logsentry.testing import JoinerContract, SourceContract, record_of

SHAPES = {
    "syscall": "type=SYSCALL msg=audit(1611091464.740:263): arch=c000003e syscall=260 success=yes exit=0 a0=ffffff9c a1=12d6210 "
    "a2=3e9 a3=0 items=1 ppid=9492 pid=9494 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts2 ses=8 "
    'comm="chown" exe="/usr/bin/chown" subj=unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023 key="access"',
    "path": 'type=PATH msg=audit(1611091464.740:263): item=0 name="test" inode=921833 dev=fd:02 mode=0100664 ouid=9999 ogid=1000',
    "cwd": 'type=CWD msg=audit(1611091464.740:263):  cwd="/home/vagrant"',
    "title": "type=PROCTITLE msg=audit(1611091464.740:263): proctitle=63686F776E002D5200616C6963650074657374",
    "execve": 'type=EXECVE msg=audit(1615150974.493:21028): argc=2 a0="/bin/echo" a1_len=8 a1[0]=6261 a1[1]=6161',
    "socket": "type=SOCKADDR msg=audit(1492752520.441:8832): saddr=0200E31C4853E6640000000000000000",
    "user": "node=web1 type=USER_LOGIN msg=audit(1553501549.148:110544844): user pid=374 uid=0 auid=4294967295 ses=4294967295 "
    "msg='op=login acct=28696E76616C6964207573657229 exe=\"/usr/sbin/sshd\" hostname=? addr=1.2.3.4 terminal=ssh res=failed'",
    "enriched": "type=USER_ACCT msg=audit(1615113648.981:15220): pid=9460 uid=1000 auid=1000 ses=1 msg='op=PAM:accounting "
    'acct="user" exe="/usr/bin/sudo" hostname=? addr=? terminal=/dev/pts/1 res=success\'\x1dUID="user" AUID="user"',
    "old user": "type=USER_END msg=audit(1170021601.366:299): user pid=13015 uid=0 auid=0 msg='PAM: session close acct=root : "
    'exe="/usr/sbin/crond" (hostname=?, addr=?, terminal=cron res=success)\'',
    "old login": "type=LOGIN msg=audit(1234877011.799:7734): login pid=26125 uid=0 old auid=4294967295 new auid=0 old "
    "ses=4294967295 new ses=1172",
    "avc": "type=AVC msg=audit(1226874073.147:96): avc:  denied  { getattr } for  pid=2465 comm=httpd path=/var/www dev=dm-0 "
    "ino=284133 scontext=unconfined_u:system_r:httpd_t:s0 tcontext=unconfined_u:object_r:samba_share_t:s0 tclass=file",
    "kernel": "Jun  1 10:00:00 web1 kernel: [12.3] audit: type=1400 audit(1524662933.080:61207): "
    'apparmor="DENIED" operation="ptrace" pid=5571',
    "unknown": "type=UNKNOWN[1420] msg=audit(1661853391.646:4486226): subj_apparmor=unconfined",
    "no type": "audit(1459376866.885:1226433): arch=c000003e syscall=59 success=yes exit=0 pid=1",
    "auoms": "type=AUOMS_EXECVE audit(1652292621.986:84138): auoms_version=2.5.2.0 arch=x86_64 syscall=execve success=no exit=-2 "
    'pid=17790 uid=1001 comm="http" exe="/usr/bin/java" key=auoms,delete',
    "interpreted": "type=SYSCALL msg=audit(01/28/07 21:58:13.977:293) : arch=x86_64 syscall=open success=no "
    "exit=EACCES(Permission denied) items=1 ppid=2013 pid=13010 auid=unset uid=unknown(890) gid=root comm=pick up exe=/usr/x",
    "laurel": '{"ID":"1626611363.720:348501","NODE":"web1","SYSCALL":{"arch":"0xc000003e","syscall":59,"success":"yes","exit":0,'
    '"pid":724395,"uid":0,"comm":"perl","key":null,"UID":"root","ARGV":["0x1","0x2"]},"EXECVE":{"argc":2,"ARGV":["perl","-e"]}}',
    "go-audit": '{"sequence":1226433,"timestamp":"1459376866.885","messages":[{"type":1300,"data":"arch=c000003e syscall=59 '
    'success=yes uid=0 pid=1"},{"type":1307,"data":" cwd=\\"/\\""}],"uid_map":{"0":"root"}}',
    "auditbeat": '{"@timestamp":"2021-01-01T00:01:01.000Z","auditd":{"sequence":7,"session":"5","paths":[{"name":"/a"},{"x":"y"}]},'
    '"event":{"action":"executed","category":["process"]},"process":{"pid":"12","ppid":3},"odd":{"x":[1,{"y":2}]}}',
    "envelope": '{"Computer":"x","SyslogMessage":"type=CWD msg=audit(1.000:5): cwd=\\"/\\""}',
}
SAMPLES = tuple(line.encode() for line in SHAPES.values())


class TestAuditd(SourceContract):
    make = Auditd
    sample = SAMPLES


def test_it_joins_and_chooses_the_framing() -> None:
    source = Auditd(Auditd.Config())
    assert isinstance(source, Joining)
    assert isinstance(source, Framed)
    assert source.framing_of(b'\xef\xbb\xbf {"ID":') == "json"
    assert source.framing_of(b"type=CWD") == "lines"


def event(serial: int, *, ends: bytes, node: str = "") -> tuple[bytes, ...]:
    """The records of one event as the kernel writes them."""
    begins = f"{f'node={node} ' if node else ''}type=%s msg=audit(1611091464.{740 + serial}:{serial}): "
    call = (
        "arch=c000003e syscall=2 success=yes exit=3 a0=1 a1=2 a2=3 a3=4 items=1 ppid=1 pid=7 auid=1000 uid=0 gid=0 euid=0 suid=0 "
        'fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=8 comm="sh" exe="/bin/sh" key=(null)'
    )
    path = f'item=0 name="/tmp/{serial}{node}" inode=1 dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL'
    lines = ((begins % kind + rest).encode() for kind, rest in (("SYSCALL", call), ("CWD", 'cwd="/"'), ("PATH", path)))
    return (
        (*lines, (begins % ends.decode() + ("proctitle=7368" if ends == b"PROCTITLE" else "")).encode()) if ends else tuple(lines)
    )


class TestAuditdJoins(JoinerContract):
    make = Auditd
    held = 1024  # the default of `records`
    sample = (
        *event(1, ends=b"EOE"),
        *event(2, ends=b"PROCTITLE"),
        *event(1, ends=b"EOE", node="web1"),
        *event(3, ends=b""),
        *event(2, ends=b"PROCTITLE", node="web1"),
        SAMPLES[6],  # an event of one record
        b"# a comment",
    )

    def unfinished(self, number: int) -> bytes:
        return event(number, ends=b"", node=f"host{number}")[0].replace(b".%d:" % (740 + number), b".740:")


def test_one_event_without_an_end_is_let_go_too() -> None:
    joiner, ended = Auditd(Auditd.Config(records=100)).joiner(), 0
    for number in range(300):
        ended += sum(len(joined.records) for joined in joiner.feed(record_of(TestAuditdJoins.sample[0], number)))
        assert number + 1 - ended <= 100


def test_a_record_alone_and_through_the_joiner_are_the_same_event() -> None:
    source = Auditd(Auditd.Config())
    for data in SAMPLES:
        joiner = source.joiner()
        joined = [*joiner.feed(record_of(data)), *joiner.flush()]
        assert [event for one in joined for event in one.events] == list(source.decode(record_of(data)))  # type: ignore[arg-type]
