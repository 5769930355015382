r"""Values of a report as words: `C:\Users\bob\a.tmp` -> `drive users user a tmp`.

Pure functions from text to lower-case words of ASCII letters and digits with single blanks between, which is what makes a
tokenizer's table of words exact. They take out what is new in each sample: hashes, users, drives, hosts of shares, domains,
and addresses but for their class. Numbers in hexadecimal stay in `value_words`, as the paper has it; `argument_words` also
takes pointers to the region that they point into, because nine in ten distinct words of real reports are pointers.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

LONGEST = 512
"""Characters of a value that are read; samples put whole files into arguments."""

_NOT_WORDS = re.compile(r"[^0-9a-z]+")
_HEX = re.compile(r"0x[0-9a-f]{1,16}")
# Windows hands out address space in steps of 64 KiB, so below 0x10000 there are only numbers. And these are codes, not places:
# access rights (0x20019, 0xf003f, 0x1f0fff, 0x40000000), NTSTATUS and registry hives (0x8000…, 0xc000…), HRESULTs of Windows
# (0x8007…), small negative numbers.
_CODE = re.compile(
    r"0x(?:[0-9a-f]{1,4}|(?:1?f|[12])0[0-9a-f]{3}|(?:[48c]000|8007)[0-9a-f]{4}|ffff[0-9a-f]{4}|ffffffffffff[0-9a-f]{4})"
)
_HASH = re.compile(r"(?<![0-9a-z])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-z])")
_RUN_OF_HEX = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}")
_PARTS = re.compile(r"""[\s"'\\/\[\]{},:=;()]+""")
_HASH_BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256"}
_ADDRESS = re.compile(r"(?<![0-9a-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9a-z]|\.[0-9])")
_METADATA = "169.254.169.254"  # where clouds hand out a machine's credentials
# Endings that are those of hosts and seldom those of files; with any ending, `kernel32.dll` would be a host.
_DOMAIN = re.compile(
    r"(?<![0-9a-z._\\-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}"
    r"(?:com|net|org|info|biz|gov|edu|io|ai|us|uk|de|ru|cn|cz|top|xyz|onion)(?![0-9a-z_.-])"
)
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{1,61}\.?")
_VOLUME = re.compile(r"\\\\[.?]\\volume\{[0-9a-f-]{36}\}")
_DRIVE = re.compile(r"(?<![0-9a-z])[a-z]:(?=[\\/]|$)")
_SHARE = re.compile(r"(?:^|(?<=[\s\"'=]))\\\\(?![.?]\\)[\w.-]+(?=\\)")
_USER = re.compile(r"(\\(?:users|documents and settings)\\+)([^\\/\"<>|*?:]+)(?=[\\/]|$)")
_SHARED_USERS = frozenset({"public", "default", "default user", "all users", "administrator"})
# Microsoft, "Recognized environment variables" (User State Migration Tool), at their places on a plain installation.
_HOME, _DATA = r"<drive>\users\<user>", r"<drive>\programdata"
_VARIABLES = {
    "systemdrive": "<drive>", "homedrive": "<drive>", "systemroot": r"<drive>\windows", "windir": r"<drive>\windows",
    "allusersprofile": _DATA, "programdata": _DATA, "programfiles": r"<drive>\program files",
    "programfiles(x86)": r"<drive>\program files (x86)", "programw6432": r"<drive>\program files",
    "commonprogramfiles": r"<drive>\program files\common files",
    "commonprogramfiles(x86)": r"<drive>\program files (x86)\common files",
    "commonprogramw6432": r"<drive>\program files\common files", "public": r"<drive>\users\public",
    "userprofile": _HOME, "homepath": _HOME, "appdata": _HOME + r"\appdata\roaming",
    "localappdata": _HOME + r"\appdata\local", "temp": _HOME + r"\appdata\local\temp", "tmp": _HOME + r"\appdata\local\temp",
}  # fmt: skip
_VARIABLE = re.compile(r"%([a-z0-9()]{3,24})%")


def name_words(text: str) -> str:
    """Names that mean the same in each report: calls, events, ports.

    >>> name_words("KERNEL32.GetProcAddress"), name_words("open_key")
    ('kernel32 getprocaddress', 'open key')
    """
    return _NOT_WORDS.sub(" ", text[:LONGEST].lower()).strip()


def host_words(text: str) -> str:
    """A server or a queried name: the class of an address, `domain` for a name with dots, a bare name as it is.

    >>> host_words("10.1.2.3"), host_words("updates.example.com"), host_words("localhost")
    ('private', 'domain', 'localhost')
    """
    lowered = text[:LONGEST].lower().strip()
    return "domain" if _HOST.fullmatch(lowered) and not _ADDRESS.search(lowered) else value_words(lowered)


def value_words(text: str) -> str:
    r"""Paths, registry keys, arguments, returned values.

    >>> value_words("0x1211FD8"), value_words(r"%TEMP%\a.tmp"), value_words(r"\\FILER7\share\x.doc")
    ('0x1211fd8', 'drive users user appdata local temp a tmp', 'net share x doc')
    >>> value_words(r"C:\Documents and Settings\bob\d41d8cd98f00b204e9800998ecf8427e.exe"), value_words("http://a.example.com/p")
    ('drive documents and settings user md5 exe', 'http domain p')
    """
    lowered = text[:LONGEST].lower()
    if _HEX.fullmatch(lowered):
        return lowered
    return _NOT_WORDS.sub(" ", _network(_path(_HASH.sub(_hash_kind, lowered)))).strip()


def argument_words(text: str) -> str:
    """Arguments and returned values: as `value_words`, with pointers rounded down to the 64 KiB in which they lie.

    A place on the stack, in the image, of a resolved import; and a registry hive:

    >>> [argument_words(text) for text in ("0x1211fd8", "0x40c7d2", "0xfeee01e5", "0x80000002")]
    ['0x1210000', '0x400000', '0xfeee0000', '0x80000002']
    """
    words = value_words(text)
    return words if not _HEX.fullmatch(words) or _CODE.fullmatch(words) else f"{words[:-4]}0000"


def call_words(text: str) -> str:
    """Names as the corpus of 2022 has them.

    >>> call_words("KERNEL32.GetProcAddress"), call_words("open_key")
    ('kernel32.getprocaddress', 'open_key')
    """
    return text[:LONGEST].lower().strip()


def path_words(text: str) -> str:
    r"""Paths as the corpus of 2022 has them: parts keep their dots, and stand-ins their brackets.

    >>> path_words(r"C:\Users\bob\a b.tmp"), path_words(r"HKEY_CURRENT_USER\Software\Borland")
    ('<drive> users <user> a b.tmp', 'hkey_current_user software borland')
    """
    return " ".join(_PARTS.split(_path(_RUN_OF_HEX.sub(_hash_kind, text[:LONGEST].lower())))).strip()


def _path(text: str) -> str:
    if "%" in text:
        text = _VARIABLE.sub(lambda found: _VARIABLES.get(found[1], found[0]), text)
    if ":" in text or "\\" in text:
        text = _SHARE.sub("<net>", _VOLUME.sub("<drive>", text))
        text = _USER.sub(_user, _DRIVE.sub("<drive>", text))
    return text


def _network(text: str) -> str:
    return _DOMAIN.sub("<domain>", _ADDRESS.sub(_address_class, text)) if "." in text else text


def _hash_kind(found: re.Match[str]) -> str:
    return f"<{_HASH_BY_LENGTH[len(found[0])]}>"


def _user(found: re.Match[str]) -> str:
    return found[0] if found[2] in _SHARED_USERS else found[1] + "<user>"


def _address_class(found: re.Match[str]) -> str:
    if found[0] == _METADATA:
        return "<metadata>"
    try:
        address = ip_address(found[0])
    except ValueError:  # looks like one and is none: 999.1.1.1
        return found[0]
    if address.is_loopback:
        return "<loopback>"
    return "<private>" if address.is_private or address.is_link_local else "<public>"
