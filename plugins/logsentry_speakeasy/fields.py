"""ECS fields of one report.

What the report says once stands in a field of its own; what it says many times stands in lists: each value once under an ECS
name (`registry.path`, `dns.question.name`, `destination.ip`), so that a search finds it, and every step in order under
`speakeasy.*`, where the n-th entries of `speakeasy.api.name`, `.args` and `.ret_val` are one call. A file's name is looked at
as Windows does, whatever this machine's own separators are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from logsentry.sdk import Value
from logsentry_speakeasy.report import Fault, Report, Scalar, Step, argument_text

_HASH = re.compile("[0-9a-fA-F]{64}")
_EXTENSION = re.compile(r".+\.([A-Za-z0-9]{1,16})")
_LARGEST = 2**63 - 1
_LONGEST_TYPE = 80  # characters of an error's type in a message


def report_fields(report: Report) -> dict[str, Value]:
    """All fields of a report; what it does not say is absent."""
    fields: dict[str, Value] = {
        "event.kind": "event",
        "event.type": ["info"],
        "observer.product": "Speakeasy",
        "observer.type": "emulator",
        "speakeasy.report_version": report.report_version,
        "speakeasy.entry_point.count": len(report.runs),
        "speakeasy.api.count": len(report.steps("apis")),
        **_sample(report),
        **_ending(report),
        **_calls(report.steps("apis")),
        **_files_and_keys(report),
        **_processes(report),
        **_network(report),
    }
    fields["event.category"] = _categories(fields)
    fields["related.hash"] = _each_once((report.sha256, *_dropped(report, "sha256")))
    return {name: value for name, value in fields.items() if value not in ("", [], "-")}


def called(report: Report) -> str:
    """What a person calls the sample: its file's name, or else its hash."""
    path = _text(report.path or report.filepath)
    return re.split(r"[\\/]", path)[-1] or report.sha256 or "a sample"


def ended_by(report: Report) -> str:
    """The type of the first error that ended an entry point, or nothing where all ended by themselves."""
    return next((fault.type[:_LONGEST_TYPE] for fault in _faults(report)), "")


def _sample(report: Report) -> dict[str, Value]:
    path = _text(report.path or report.filepath)
    name = re.split(r"[\\/]", path)[-1]
    extension = _EXTENSION.fullmatch(name)
    fields: dict[str, Value] = {
        "file.path": path,
        "file.name": name,
        "file.extension": extension[1].lower() if extension else "",
        "file.pe.architecture": report.arch or "",
        "process.name": name,
        "observer.version": report.emu_version or "",
        "speakeasy.filetype": report.filetype or "",
        "speakeasy.os": report.os_run or "",
        "speakeasy.entry_point.type": _each_once(run.ep_type for run in report.runs),
        "speakeasy.apihash": _each_once(run.apihash for run in report.runs),
    }
    if report.sha256 and _HASH.fullmatch(report.sha256):
        fields["file.hash.sha256"] = fields["process.hash.sha256"] = report.sha256.lower()
    if report.size is not None and 0 <= report.size <= _LARGEST:
        fields["file.size"] = report.size
    if (pid := next((run.pid for run in report.runs if run.pid), 0)) and 0 < pid <= _LARGEST:
        fields["process.pid"] = pid
    if report.emulation_total_runtime and 0 < report.emulation_total_runtime < 1e9:
        fields["event.duration"] = round(report.emulation_total_runtime * 1e9)
    return fields


def _faults(report: Report) -> list[Fault]:
    faults = [*(report.errors or ()), *(run.error for run in report.runs if run.error)]
    return [fault for fault in faults if fault.type]


def _ending(report: Report) -> dict[str, Value]:
    faults = _faults(report)
    if not faults:
        return {}
    first = faults[0]
    what = _text(first.api_name or first.last_api)
    place = f" at {_text(first.pc)}" if first.pc else ""
    return {
        "error.type": first.type,
        "error.message": f"emulation ended by {first.type}{f' in {what}' if what else ''}{place}",
        "speakeasy.error.type": _each_once(fault.type for fault in faults),
        "speakeasy.error.api": _each_once(_text(fault.api_name) for fault in faults),
    }


def _calls(calls: list[Step]) -> dict[str, Value]:
    return {
        "speakeasy.api.name": [call.api_name for call in calls],
        "speakeasy.api.args": [", ".join(map(argument_text, call.args)) for call in calls],
        "speakeasy.api.ret_val": [_text(call.ret_val) for call in calls],
    }


def _files_and_keys(report: Report) -> dict[str, Value]:
    files, keys = report.steps("file_access"), report.steps("registry_access")
    paths = [_text(key.path) + (f"\\{_text(key.value_name)}" if key.value_name else "") for key in keys]
    return {
        "speakeasy.file.action": [file.event for file in files],
        "speakeasy.file.path": [_text(file.path) for file in files],
        "speakeasy.dropped.path": _dropped(report, "path"),
        "speakeasy.dropped.sha256": _dropped(report, "sha256"),
        "registry.path": _each_once(paths),
        "speakeasy.registry.action": [key.event for key in keys],
        "speakeasy.registry.path": paths,
    }


def _processes(report: Report) -> dict[str, Value]:
    steps = report.steps("process_events")
    return {
        "speakeasy.process.action": [step.event for step in steps],
        "speakeasy.process.path": [_text(step.path) for step in steps],
        "speakeasy.process.command_line": _each_once(_text(step.cmdline) for step in steps),
    }


def _network(report: Report) -> dict[str, Value]:
    traffic, queries = report.steps("traffic"), report.steps("dns")
    servers = _each_once(_text(step.server) for step in traffic)
    names = _each_once(_text(step.query) for step in queries)
    answers = [text for text in _each_once(_text(step.response) for step in queries) if _is_address(text)]
    addresses = [server for server in servers if _is_address(server)]
    hosts = [server for server in servers if server not in addresses]
    protocols = [_text(step.proto).lower().partition(".") for step in traffic]
    return {
        "destination.address": servers,
        "destination.ip": addresses,
        "destination.domain": hosts,
        "destination.port": _ports(traffic),
        "network.transport": _each_once(p[0] for p in protocols if p[0] in ("tcp", "udp", "icmp")),
        "network.protocol": _each_once(p[2] for p in protocols),
        "dns.question.name": names,
        "dns.resolved_ip": answers,
        "related.ip": _each_once((*addresses, *answers, *filter(_is_address, names))),
        "related.hosts": _each_once((*hosts, *(name for name in names if not _is_address(name)))),
    }


def _categories(fields: dict[str, Value]) -> list[str]:
    """`process`, for the sample ran, and what else it touched."""
    touched = (("speakeasy.file.path", "file"), ("registry.path", "registry"), ("destination.address", "network"))
    more = [category for name, category in touched if fields[name]]
    return ["process", *more] if not fields["dns.question.name"] or "network" in more else ["process", *more, "network"]


def _dropped(report: Report, name: str) -> list[str]:
    return _each_once(_text(getattr(file, name)) for run in report.runs for file in run.dropped_files or ())


def _each_once(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _text(value: Scalar) -> str:
    return "" if value is None else str(value)


def _ports(steps: list[Step]) -> list[int]:
    ports = (step.port for step in steps if isinstance(step.port, int) and not isinstance(step.port, bool))
    return list(dict.fromkeys(port for port in ports if 0 < port < 65_536))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
