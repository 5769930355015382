"""Paths and registry keys as Sysmon and Speakeasy write them."""

from __future__ import annotations

import re

_DRIVE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]:(?=\\|/(?!/))")
_USER = re.compile(r"(\\(?:users|documents and settings)\\|/(?:home|users)/)([^\\/\"<>|*?:]+)(?=[\\/]|$)", re.IGNORECASE)
_SHARED_USERS = frozenset({"public", "default", "default user", "all users"})
_HIVES = (
    (re.compile(r"^(?:HKEY_LOCAL_MACHINE|\\REGISTRY\\MACHINE)(?=\\|$)", re.IGNORECASE), "HKLM"),
    (re.compile(r"^(?:HKEY_USERS|\\REGISTRY\\USER)(?=\\|$)", re.IGNORECASE), "HKU"),
    (re.compile(r"^HKEY_CURRENT_USER(?=\\|$)", re.IGNORECASE), "HKCU"),
    (re.compile(r"^HKEY_CLASSES_ROOT(?=\\|$)", re.IGNORECASE), "HKCR"),
    (re.compile(r"^HKEY_CURRENT_CONFIG(?=\\|$)", re.IGNORECASE), "HKCC"),
)
_SID = re.compile(r"\bS-1-[0-9]{1,2}(?:-[0-9]{1,10}){1,15}(?![-\w])")
# Identifiers that are the same on each machine (Microsoft, "Well-known SIDs"): .DEFAULT's kin, kept as they are.
_WELL_KNOWN_SIDS = frozenset({"S-1-1-0", "S-1-5-18", "S-1-5-19", "S-1-5-20"})


def drive(value: str) -> str:
    r"""The letter of a drive becomes `<drive>`.

    A Sysmon image:

    >>> drive(r"C:\Windows\System32\svchost.exe -k netsvcs")
    '<drive>\\Windows\\System32\\svchost.exe -k netsvcs'
    """
    return _DRIVE.sub("<drive>", value)


def user(value: str) -> str:
    r"""The name of a user's folder becomes `<user>`; folders that every machine has stay.

    A file that a sample drops in Speakeasy, and a Unix path:

    >>> user(r"C:\Users\speakeasy_user\AppData\Local\Temp\a.tmp"), user("/home/bob/.ssh/id_rsa")
    ('C:\\Users\\<user>\\AppData\\Local\\Temp\\a.tmp', '/home/<user>/.ssh/id_rsa')
    >>> user(r"C:\Users\Public\Music")
    'C:\\Users\\Public\\Music'
    """
    return _USER.sub(lambda found: found[0] if found[2].lower() in _SHARED_USERS else found[1] + "<user>", value)


def registry_hive(value: str) -> str:
    r"""One short name for each hive, and `<sid>` for the users in it.

    The same key as Speakeasy and as Sysmon name it:

    >>> registry_hive(r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft"), registry_hive(r"\REGISTRY\MACHINE\SOFTWARE\Microsoft")
    ('HKLM\\SOFTWARE\\Microsoft', 'HKLM\\SOFTWARE\\Microsoft')
    >>> registry_hive(r"HKU\S-1-5-21-1004336348-1177238915-682003330-512\Software")
    'HKU\\<sid>\\Software'
    """
    for pattern, short in _HIVES:
        value, found = pattern.subn(short, value)
        if found:
            break
    return _SID.sub(lambda sid: sid[0] if sid[0] in _WELL_KNOWN_SIDS else "<sid>", value)
