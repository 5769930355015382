"""Keys, values and data of the registry, from `TargetObject` and `Details` (events 12, 13, 14)."""

from __future__ import annotations

import re

from logsentry.sdk import Value

_HIVES = {
    "HKEY_CLASSES_ROOT": "HKCR", "HKEY_CURRENT_CONFIG": "HKCC", "HKEY_CURRENT_USER": "HKCU", "HKEY_DYN_DATA": "HKDD",
    "HKEY_LOCAL_MACHINE": "HKLM", "HKEY_PERFORMANCE_DATA": "HKPD", "HKEY_USERS": "HKU",
}  # fmt: skip
_SHORT = {**_HIVES, **{short: short for short in _HIVES.values()}}
_KERNEL = re.compile(r"\\REGISTRY\\(MACHINE|USER)(?:\\|$)", re.IGNORECASE)
_DWORD = re.compile(r"DWORD \(0x([0-9A-F]{8})\)", re.IGNORECASE)
_QWORD = re.compile(r"QWORD \(0x([0-9A-F]{8})-0x([0-9A-F]{8})\)", re.IGNORECASE)


def key_fields(path: str, is_value: bool) -> dict[str, Value]:
    r"""`registry.path`, `hive`, `key` and, where the event is about a value and not a key, `value`.

    The key is everything behind the hive, the value's name with it, as Elastic's parsers have it.

    >>> sorted(key_fields(r"HKLM\System\Start", is_value=True).values())
    ['HKLM', 'HKLM\\System\\Start', 'Start', 'System\\Start']
    """
    fields: dict[str, Value] = {"registry.path": path}
    kernel = _KERNEL.match(path)
    if kernel is not None:
        hive, key = ("HKLM" if kernel[1].upper() == "MACHINE" else "HKU"), path[kernel.end() :]
    else:
        first, _, key = path.partition("\\")
        hive = _SHORT.get(first.upper(), "")
    if hive:
        fields["registry.hive"] = hive
        if key:
            fields["registry.key"] = key
    if is_value and (name := path.rpartition("\\")[2]):
        fields["registry.value"] = name
    return fields


def data_fields(details: str) -> dict[str, Value]:
    """`registry.data.type` and `registry.data.strings`; numbers are written in decimals.

    Sysmon writes `Binary Data` for binary values and for lists of texts (REG_MULTI_SZ) alike, so its type is a guess there.

    >>> data_fields("QWORD (0x00000001-0x00000005)")
    {'registry.data.type': 'REG_QWORD', 'registry.data.strings': ['4294967301']}
    """
    if (double := _DWORD.fullmatch(details)) is not None:
        return {"registry.data.type": "REG_DWORD", "registry.data.strings": [str(int(double[1], 16))]}
    if (quad := _QWORD.fullmatch(details)) is not None:
        return {"registry.data.type": "REG_QWORD", "registry.data.strings": [str(int(quad[1] + quad[2], 16))]}
    return {"registry.data.type": "REG_BINARY" if details == "Binary Data" else "REG_SZ", "registry.data.strings": [details]}
