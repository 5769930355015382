"""What an event is called and which ECS classes it has: by its system call, or by the type of a record beside it.

The names of actions and classes are those that auditbeat gives, after `aucoalesce/normalizations.yaml` of elastic/go-libaudit
(Apache-2.0), so that rules written for auditbeat hold here. The layout is this module's own: one line an action,
`action | categories | types | system calls`, and the same with record types.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Action(msgspec.Struct, frozen=True):
    """`name` may be empty where only the classes are known."""

    name: str
    categories: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    alert: bool = False


_SYSCALLS = """
opened-file | file | creation | creat
opened-file | file | change | fallocate truncate ftruncate truncate64 ftruncate64
opened-file | file | info | open openat openat2 readlink readlinkat
read-file | file | info | read
wrote-to-file | file | change | write
changed-file-attributes-of | file | change | setxattr fsetxattr lsetxattr removexattr fremovexattr lremovexattr
changed-file-permissions-of | file | change | chmod fchmod fchmodat fchmodat2
changed-file-ownership-of | file | change | chown fchown fchownat lchown chown32 fchown32 lchown32
loaded-kernel-module | driver | start | finit_module init_module
unloaded-kernel-module | driver | end | delete_module
created-directory | file | creation | mkdir mkdirat
mounted | file | creation | mount
renamed | file | change | rename renameat renameat2
checked-metadata-of | file | info | access faccessat faccessat2 fstatat fstatat64 newfstatat stat stat64 statx fstat fstat64 lstat lstat64 getxattr lgetxattr fgetxattr
checked-filesystem-metadata-of | file | info | statfs fstatfs statfs64 fstatfs64
linked | file | creation | link linkat
symlinked | file | creation | symlink symlinkat
unmounted | file | deletion | umount umount2
deleted | file | deletion | rmdir unlink unlinkat
changed-timestamp-of | file | info | utime utimes futimesat futimens utimensat
executed | process | start | execve execveat
listen-for-connections | network | start | listen
accepted-connection-from | network | connection start | accept accept4
bound-socket | network | start | bind
connected-to | network | connection start | connect
received-from | network | connection info | recv recvfrom recvmsg recvmmsg
sent-to | network | connection info | send sendto sendmsg sendmmsg
killed-pid | process | end | kill tkill tgkill
changed-identity-of | process | change | setuid seteuid setfsuid setreuid setgid setegid setfsgid setregid setresuid setresgid setuid32 setreuid32 setgid32 setregid32 setresuid32 setresgid32 setfsuid32 setfsgid32
changed-system-time | host | change | settimeofday clock_settime stime adjtimex clock_adjtime
make-device | file | creation | mknod mknodat
changed-system-name | host | change | sethostname setdomainname
allocated-memory | process | info | mmap mmap2 brk
adjusted-scheduling-policy-of | process | change | sched_setparam sched_setscheduler sched_setattr
end | process | end | exit_group
"""  # noqa: E501

_RECORDS = """
locked-account | iam | user info | ACCT_LOCK
unlocked-account | iam | user info | ACCT_UNLOCK
added-group-account-to | iam | group creation | ADD_GROUP
added-user-account | iam | user creation | ADD_USER
deleted-group-account-from | iam | group deletion | DEL_GROUP
deleted-user-account | iam | user deletion | DEL_USER
modified-group-account | iam | group change | GRP_MGMT
assigned-user-role-to | iam | user change | ROLE_ASSIGN
modified-role | iam | change | ROLE_MODIFY
removed-user-role-from | iam | user change | ROLE_REMOVE
modified-user-account | iam | user change | USER_MGMT
changed-password | iam | user change | USER_CHAUTHTOK
changed-group-password | iam | group change | GRP_CHAUTHTOK
acquired-credentials | authentication | info | CRED_ACQ
disposed-credentials | authentication | info | CRED_DISP
refreshed-credentials | authentication | info | CRED_REFR
authenticated-to-group | authentication | info | GRP_AUTH
changed-login-id-to | authentication | start | LOGIN
was-authorized | authentication | info | USER_ACCT
authenticated | authentication | info | USER_AUTH
ended-session | session | end | USER_END
error | authentication | info | USER_ERR
logged-in | authentication | start | USER_LOGIN
logged-out | authentication | end | USER_LOGOUT
changed-role-to | | | USER_ROLE_CHANGE
started-session | session | start | USER_START
issued-vm-control | host | info | VIRT_CONTROL
created-vm-image | host | info | VIRT_CREATE
deleted-vm-image | host | info | VIRT_DESTROY
checked-integrity-of | host | info | VIRT_INTEGRITY_CHECK
assigned-vm-id | host | info | VIRT_MACHINE_ID
migrated-vm-from | host | info | VIRT_MIGRATE_IN
migrated-vm-to | host | info | VIRT_MIGRATE_OUT
assigned-vm-resource | host | info | VIRT_RESOURCE
changed-group | process | change | CHGRP_ID
changed-user-id | process | change | CHUSER_ID
sent-test | process | info | TEST
unknown | process | info | TRUSTED_APP
ran-command | process | start | USER_CMD
booted-system | host | start | SYSTEM_BOOT
changed-to-runlevel | host | change | SYSTEM_RUNLEVEL
shutdown-system | host | end | SYSTEM_SHUTDOWN
started-service | process | start | SERVICE_START
stopped-service | process | end | SERVICE_STOP
changed-audit-configuration | process configuration | change | CONFIG_CHANGE
aborted-auditd-startup | process | end | DAEMON_ABORT
remote-audit-connected | network | connection start | DAEMON_ACCEPT
remote-audit-disconnected | network | connection end | DAEMON_CLOSE
changed-auditd-configuration | process configuration | change | DAEMON_CONFIG
shutdown-audit | process | end | DAEMON_END
audit-error | process | info | DAEMON_ERR
reconfigured-auditd | process configuration | info | DAEMON_RECONFIG
resumed-audit-logging | process | change | DAEMON_RESUME
rotated-audit-logs | process | change | DAEMON_ROTATE
started-audit | process | start | DAEMON_START
initialized-audit-subsystem | process | info | KERNEL
changed-configuration | configuration | change | USYS_CONFIG
loaded-firewall-rule-to | configuration | change | NETFILTER_CFG
changed-audit-feature | configuration | change | FEATURE_CHANGE
loaded-kernel-module | driver | start | KERN_MODULE
changed-system-time | host | change | TIME_ADJNTPVAL TIME_INJOFFSET
typed | | | TTY USER_TTY
violated-selinux-policy | | | AVC
relabeled-filesystem | | | FS_RELABEL
modified-level-of | | | LABEL_LEVEL_CHANGE
overrode-label-of | | | LABEL_OVERRIDE
mac-permission | | | MAC_CHECK
changed-selinux-boolean | configuration | change | MAC_CONFIG_CHANGE
loaded-selinux-policy | configuration | access | MAC_POLICY_LOAD
changed-selinux-enforcement | configuration | change | MAC_STATUS
access-permission | | | USER_AVC
changed-mac-configuration | configuration | change | USER_MAC_CONFIG_CHANGE
loaded-mac-policy | configuration | access | USER_MAC_POLICY_LOAD
access-error | | | USER_SELINUX_ERR
violated-seccomp-policy | | | SECCOMP
caused-mac-policy-error | | | SELINUX_ERR
negotiated-crypto-key | process | info | CRYPTO_KEY_USER
crypto-officer-logged-in | | | CRYPTO_LOGIN
crypto-officer-logged-out | process | info | CRYPTO_LOGOUT
started-crypto-session | process | info | CRYPTO_SESSION
access-result | | | DAC_CHECK
violated-apparmor-policy | | | APPARMOR_DENIED
package-updated | package | info | SOFTWARE_UPDATE
sent-message | | | USER
"""

# What auditbeat has no name for and ausearch has (auparse/normalize_record_map.h), and what neither has and says something by itself.
_RECORDS_BESIDE = """
configured-device | host | change | USER_DEVICE
accessed-policy-controlled-file | file | access | FANOTIFY
changed-selinux-enforcement | configuration | change | USER_MAC_STATUS
added-mac-network-domain-mapping-to | configuration | creation | MAC_MAP_ADD
deleted-mac-network-domain-mapping-from | configuration | deletion | MAC_MAP_DEL
| driver | change | BPF
| configuration | change | MAC_UNLBL_ALLOW MAC_CIPSOV4_ADD MAC_CIPSOV4_DEL MAC_UNLBL_STCADD MAC_UNLBL_STCDEL MAC_CALIPSO_ADD MAC_CALIPSO_DEL
| network | info | MAC_IPSEC_EVENT NETFILTER_PKT CRYPTO_IKE_SA CRYPTO_IPSEC_SA
| configuration | change | EVENT_LISTENER DM_CTRL INTEGRITY_POLICY_RULE
| file | info | INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_RULE INTEGRITY_EVM_XATTR
| process | info | CRYPTO_TEST_USER CRYPTO_PARAM_CHANGE_USER CRYPTO_FAILURE_USER CRYPTO_REPLAY_USER
"""

_ALERTS = """
crashed-program | process | end info | ANOM_ABEND
attempted-execution-of-forbidden-program | process | start info | ANOM_EXEC
used-suspicious-link | file | access info | ANOM_LINK
failed-log-in-too-many-times-to | authentication | start denied | ANOM_LOGIN_FAILURES
attempted-log-in-from-unusual-place-to | authentication | start denied | ANOM_LOGIN_LOCATION
opened-too-many-sessions-to | authentication | start denied | ANOM_LOGIN_SESSIONS
attempted-log-in-during-unusual-hour-to | authentication | start denied | ANOM_LOGIN_TIME
changed-promiscuous-mode-on-device | | info change | ANOM_PROMISCUOUS
tested-file-system-integrity-of | | info | ANOM_RBAC_INTEGRITY_FAIL
attempted-log-in-to-watched-account | authentication | start denied | ANOM_LOGIN_ACCT
max-discretionary-access-control-failures-reached | | info | ANOM_MAX_DAC
max-mandatory-access-control-failures-reached | | info | ANOM_MAX_MAC
abstract-machine-test-utility-failure | | info | ANOM_AMTU_FAIL
rbac-self-test-failure | | info | ANOM_RBAC_FAIL
crypto-system-test-failure | | info | ANOM_CRYPTO_FAIL
made-an-executable | file | change info | ANOM_MK_EXEC
accessed-watched-file-or-directory | file | access info | ANOM_ACCESS_FS
added-user-account | iam | user creation info | ANOM_ADD_ACCT
deleted-user-account | iam | user deletion info | ANOM_DEL_ACCT
modified-user-account | iam | user change info | ANOM_MOD_ACCT
user-became-root | authentication | start info | ANOM_ROOT_TRANS
service-account-attempted-login | authentication | start denied | ANOM_LOGIN_SERVICE
created-suspicious-file | file | creation info | ANOM_CREAT
"""


def _table(text: str, alert: bool = False) -> dict[str, Action]:
    found: dict[str, Action] = {}
    for line in text.strip().splitlines():
        name, categories, types, keys = (part.strip() for part in line.split("|"))
        classes = (*categories.split(), "intrusion_detection") if alert else tuple(categories.split())
        found |= dict.fromkeys(keys.split(), Action(name, classes, tuple(types.split()), alert))
    return found


OF_SYSCALL: Mapping[str, Action] = _table(_SYSCALLS)
OF_RECORD: Mapping[str, Action] = _table(_RECORDS) | _table(_RECORDS_BESIDE) | _table(_ALERTS, alert=True)
ANY_SYSCALL = Action("", ("process",), ("info",))
APPARMOR = Action("violated-apparmor-policy")
