"""`logsentry plugins check`: the contract of every source, run on an installed one.

The tests are those that an author inherits (`logsentry.testing.SourceContract`). They run in a process of their own, so that a
plugin which hangs, exits or loads half the world does it there. Records are cut from a sample file by the input `files`, as
they would be in a run; a plugin may ship that file beside its module, named `sample` with any ending.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import msgspec

from logsentry.errors import MissingExtra, UsageError
from logsentry.pipeline.build import make_files, make_source
from logsentry.registry import Offer, installed

_SECONDS = 300
_MOST_RECORDS = 200
_MODULE = '''"""Written by `logsentry plugins check`, and thrown away."""

from pathlib import Path

import msgspec
import pytest

pytest.register_assert_rewrite("logsentry.testing.source_contract")  # so that a failure shows its values

from logsentry.registry import installed
from logsentry.sdk import BadRecord, Filtered
from logsentry.testing import SourceContract, record_of

MAKE = installed().get("sources", {name!r})
RECORDS = msgspec.msgpack.decode(Path(__file__).with_name("sample").read_bytes(), type=list[bytes])


def left_out(source, data):
    """What the source leaves out on purpose is no sample; what it cannot read is one, and breaks the contract."""
    try:
        return isinstance(source.decode(record_of(data)), Filtered)
    except BadRecord:
        return False


class TestSource(SourceContract):
    make = MAKE
    sample = tuple(data for data in RECORDS if not left_out(MAKE(MAKE.Config()), data))
'''


class Finding(msgspec.Struct, frozen=True):
    """One test of the contract: what it asks in words, and what was wrong, or nothing."""

    asked: str
    wrong: str = ""


class Checked(msgspec.Struct, frozen=True):
    """What a check found; `output` is all that the tests printed."""

    offer: Offer
    records: int
    findings: tuple[Finding, ...]
    output: str

    @property
    def broken(self) -> int:
        return sum(bool(finding.wrong) for finding in self.findings)


def check_source(name: str, sample: Path | None = None) -> Checked:
    """Run the contract on the source of that name, or of the plugin of that name.

    Raises `UsageError` where there is no such source or no sample of it, `ContractBroken` where it cannot be loaded, and
    `MissingExtra` where pytest or Hypothesis are not installed.
    """
    for package in ("pytest", "hypothesis"):
        if find_spec(package) is None:
            raise MissingExtra(f"a check needs {package}: pip install 'logsentry[dev]'")
    offer = _offer(name)
    records = _records(offer, sample or _shipped(offer))
    with tempfile.TemporaryDirectory(prefix="logsentry-check-") as folder:
        return _run(offer, records, Path(folder))


def _offer(name: str) -> Offer:
    offers = installed().offers("sources")
    found = [offer for offer in offers if offer.name == name] or [offer for offer in offers if offer.plugin == name]
    if len(found) > 1:
        raise UsageError(f"the plugin {name!r} offers several sources; check one of {', '.join(offer.name for offer in found)}")
    if not found:
        installed().get("sources", name)  # says why, and what is near
    return found[0]


def _shipped(offer: Offer) -> Path:
    """The sample beside the plugin's module."""
    module = offer.load().__module__
    folder = Path(str(files(module.partition(".")[0])))
    found = sorted(path for path in folder.glob("sample.*") if path.is_file())
    if not found:
        raise UsageError(f"{offer.distribution} ships no sample of {offer.name!r}; give a file of its logs with --sample FILE")
    return found[0]


def _records(offer: Offer, sample: Path) -> list[bytes]:
    """The first records of the file, as the source would get them in a run."""
    source = make_source(offer.name)
    input_ = make_files([str(sample)], source)
    records: list[bytes] = []
    try:
        for record in input_.read():
            if record is not None and record.data.strip():
                records.append(record.data)
            if len(records) >= _MOST_RECORDS:
                break
    finally:
        input_.close()
    if not records:
        raise UsageError(f"{sample} holds no records; give a file with some lines of {offer.name!r} in it")
    return records


def _run(offer: Offer, records: Sequence[bytes], folder: Path) -> Checked:
    (folder / "sample").write_bytes(msgspec.msgpack.encode(records))
    (folder / "test_source.py").write_text(_MODULE.format(name=offer.name), encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "-c", "/dev/null", "--tb=short", "--no-header"]
    command = [sys.executable, "-m", "pytest", *options, f"--junitxml={folder / 'report.xml'}", str(folder / "test_source.py")]
    try:
        done = subprocess.run(
            command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        output, why = done.stdout + done.stderr, f"the tests ended with {done.returncode} before they could tell"
    except subprocess.TimeoutExpired as late:
        output, why = str(late.stdout or ""), f"the tests were not done after {_SECONDS} seconds"
    report = folder / "report.xml"
    findings = _findings(report) if report.exists() else (Finding("the contract runs to its end", why),)
    return Checked(offer, len(records), findings, output)


def _environment() -> dict[str, str]:
    """This process's, with its module path: it may be relative, or set by hand."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(os.path.abspath(folder) for folder in sys.path if folder)}


def _findings(report: Path) -> tuple[Finding, ...]:
    """From pytest's own report; a test that could not even begin (`error`) is as wrong as one that failed."""
    found = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        said = "" if wrong is None else (_text(wrong) or "it failed")
        found.append(Finding(str(case.get("name")).removeprefix("test_").replace("_", " "), said))
    return tuple(found) or (Finding("the contract runs to its end", "no test ran"),)


def _text(wrong: ElementTree.Element) -> str:
    """The assertion that failed; of an error before any test, the end of what was printed, which names the cause."""
    if wrong.tag == "failure":
        return (wrong.get("message") or "").strip()
    return "\n".join((wrong.text or "").strip().splitlines()[-4:])
