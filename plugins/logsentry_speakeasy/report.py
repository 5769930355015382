"""The shape into which reports of every schema of the Speakeasy emulator are read: that of schema 1.1.0.

Only what is used is named here; the decoder passes over the rest (memory maps, registers, strings), which is most of a report.
Types are wide where real reports are dirty: a path may be a number, a header 0. Sources: `speakeasy/profiler.py` and `report.py`
of mandiant/speakeasy at v1.5.11 and v2.0.0b4, and reports of 2.0.0b9.
"""

from __future__ import annotations

from typing import Any

import msgspec

Scalar = str | int | float | bool | None


class Argument(msgspec.Struct, gc=False):
    """An argument as schema 5.0.0 has it; `display` is what 1.1.0 writes."""

    display: Any = None
    value: Any = None


def argument_text(value: Argument | Scalar | list[Any]) -> str:
    """An argument as a person reads it; nothing where it has no value."""
    if isinstance(value, Argument):
        value = value.value if value.display is None else value.display
    return "" if value is None else str(value)


class Step(msgspec.Struct, gc=False):
    """One thing that the sample did, of any kind; what a kind does not have is absent."""

    event: str = ""
    api_name: str = ""
    args: list[Argument | Scalar | list[Any]] = []
    ret_val: Scalar = None
    path: Scalar = None
    value_name: Scalar = None
    cmdline: Scalar = None
    server: Scalar = None
    port: Scalar = None
    proto: Scalar = None
    query: Scalar = None
    response: Scalar = None


class Network(msgspec.Struct, gc=False):
    dns: list[Step] = []
    traffic: list[Step] = []


class Dropped(msgspec.Struct, gc=False):
    path: Scalar = None
    sha256: Scalar = None


class Fault(msgspec.Struct, gc=False):
    """Why emulation ended; `type` is empty where it ended by itself."""

    type: str = ""
    pc: Scalar = None
    api_name: Scalar = None
    last_api: Scalar = None


class Run(msgspec.Struct, gc=False):
    """One entry point: the module's own, a thread, an export, a callback."""

    ep_type: str = ""
    apihash: str = ""
    pid: int | None = None
    apis: list[Step] | None = None
    events: list[Step] | None = None
    file_access: list[Step] | None = None
    registry_access: list[Step] | None = None
    process_events: list[Step] | None = None
    network_events: Network | None = None
    dropped_files: list[Dropped] | None = None
    error: Fault | None = None


class Report(msgspec.Struct, gc=False):
    """What was emulated, and what it did."""

    report_version: str = ""
    entry_points: list[Run] | None = None
    path: Scalar = None
    filepath: Scalar = None
    sha256: str | None = None
    size: int | None = None
    arch: str | None = None
    filetype: str | None = None
    os_run: str | None = None
    emu_version: str | None = None
    timestamp: int | float | None = None
    emulation_total_runtime: int | float | None = None
    errors: list[Fault] | None = None

    @property
    def runs(self) -> list[Run]:
        return self.entry_points or []

    def steps(self, section: str) -> list[Step]:
        """All steps of one section (`apis`, `file_access`, `registry_access`, `process_events`, `traffic`, `dns`), run after run."""
        if section in ("traffic", "dns"):
            return [step for run in self.runs if run.network_events for step in getattr(run.network_events, section)]
        return [step for run in self.runs for step in getattr(run, section) or ()]
