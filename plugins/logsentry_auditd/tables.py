"""Names for the numbers of the kernel: architectures, system calls, errors, record types.

`linux.json` beside this file holds the tables and says which headers they were read from. A number that is not in them stays
a number: newer kernels have calls that no table knows yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from logsentry_auditd.kept import kept

_TABLES: dict[str, Any] = json.loads(files("logsentry_auditd").joinpath("linux.json").read_text(encoding="utf-8"))
_SYSCALLS: Mapping[str, list[str]] = _TABLES["syscalls"]
_ERRORS: list[str] = _TABLES["errors"]
TYPE_NAMES: Mapping[int, str] = {int(number): name for number, name in _TABLES["record_types"].items()}
TYPE_NUMBERS: Mapping[str, int] = {name: number for number, name in TYPE_NAMES.items()}

# linux/audit.h: the ELF machine, 0x80000000 for 64 bits, 0x40000000 for little endian.
_ARCHITECTURES = {
    "c000003e": "x86_64",
    "40000003": "i386",
    "c00000b7": "aarch64",
    "40000028": "arm",
    "28": "armeb",
    "c0000015": "ppc64le",
    "80000015": "ppc64",
    "14": "ppc",
    "80000016": "s390x",
    "16": "s390",
    "c00000f3": "riscv64",
    "c0000102": "loongarch64",
}

# linux/net.h, SYS_SOCKET = 1 and on; socketcall(2).
_SOCKET_CALL_WORDS = """
socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt
sendmsg recvmsg accept4 recvmmsg sendmmsg
"""
_SOCKET_CALLS = {f"{number:x}": name for number, name in enumerate(_SOCKET_CALL_WORDS.split(), start=1)}


def architecture(code: str) -> str:
    """`c000003e` -> `x86_64`; a name or an unknown code stays as it is."""
    return _ARCHITECTURES.get(code.lower().removeprefix("0x"), code)


def syscall_name(arch: str, number: str) -> str:
    """(`x86_64`, `59`) -> `execve`; a name stays as it is, and so does a number that the table lacks."""
    names = _SYSCALLS.get(arch, ())
    if not (number.isascii() and number.isdigit()) or len(number) > 6 or int(number) >= len(names):
        return number
    return names[int(number)] or number


def socket_call(argument: str) -> str:
    """What the one call `socketcall` of older architectures was asked for, by its first argument in hexadecimal: `3` -> `connect`."""
    return _SOCKET_CALLS.get(argument.lower().removeprefix("0x"), "")


@kept
def error_name(code: str) -> str:
    """`-13` -> `EACCES`, `EACCES(Permission denied)` -> `EACCES`; what is no error stays as it is."""
    if code.startswith("E") and "(" in code:
        return code.partition("(")[0]
    number = code[1:]
    if code.startswith("-") and number.isascii() and number.isdigit() and len(number) < 5 and int(number) < len(_ERRORS):
        return _ERRORS[int(number)] or code
    return code


@kept
def type_name(text: str) -> str:
    """`1300`, `UNKNOWN[1300]` and `SYSCALL` -> `SYSCALL`; `AUOMS_EXECVE` -> `EXECVE`."""
    number = text.removeprefix("UNKNOWN[").removesuffix("]")
    if number.isascii() and number.isdigit() and len(number) < 6:
        return TYPE_NAMES.get(int(number), f"UNKNOWN[{int(number)}]")
    return text.removeprefix("AUOMS_").upper() or "UNKNOWN"


def stands_alone(name: str) -> bool:
    """Whether a record of this type is an event by itself: what programs report (1100–1299), and 2000 on.

    The ranges are those of linux/audit.h.
    """
    return name in _ALONE or (name.startswith("UNKNOWN[") and _alone(int(name[8:-1])))


def _alone(number: int) -> bool:
    return 1100 <= number < 1300 or number >= 2000


_ALONE = frozenset(name for name, number in TYPE_NUMBERS.items() if _alone(number))
