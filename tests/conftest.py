"""What every test shares: where the staged data is, real servers, which tests are slow, and that CI skips nothing in silence."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import settings

from logsentry.errors import Unavailable

ROOT = Path(__file__).parent.parent

if TYPE_CHECKING:
    from services.elasticsearch import Secured

T = TypeVar("T")
DATA = Path(os.environ.get("LOGSENTRY_DATA") or ROOT.parent / "shared" / "data")
SERVERS = {"elasticsearch", "secured_elasticsearch"}
IN_CI = os.environ.get("CI") == "true"
ONE_OF_SEVERAL = "PYTEST_XDIST_WORKER" in os.environ
ALLOWED_SKIPS = ("no GPU",)
"""Reasons, as far as they begin so, for which a test may be skipped in CI: what the machine cannot run."""

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if IN_CI else "here")
if ONE_OF_SEVERAL:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch would take all cores for each worker and wait for them in a loop

_skipped: dict[str, str] = {}


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of staged data sets; a test that asks for it is skipped where there is none."""
    if not DATA.is_dir():
        pytest.skip(f"there is no {DATA}; set LOGSENTRY_DATA to the folder of the data sets")
    return DATA


@pytest.fixture(scope="session")
def elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Elasticsearch without security, shared by all tests: each takes a namespace of its own."""
    from services.elasticsearch import open_node
    from services.node import SHORT_LIVED
    from services.shared import common_folder, shared

    folder = common_folder(tmp_path_factory.getbasetemp())
    yield from _serving(shared(folder, "elasticsearch", lambda: open_node(SHORT_LIVED), str))


@pytest.fixture(scope="session")
def secured_elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """An Elasticsearch with TLS and users of few rights; started for the tests that ask for it alone."""
    from services.elasticsearch import secured_node

    yield from _serving(secured_node(tmp_path_factory.mktemp("secured")))


def _serving(server: AbstractContextManager[T]) -> Iterator[T]:
    try:
        served = server.__enter__()
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        yield served
    finally:
        server.__exit__(None, None, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the slow tests as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not DATA.is_dir():
        absent = pytest.mark.skip(reason=f"there is no {DATA}; set LOGSENTRY_DATA to the folder of the data sets")
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(absent)
    if ONE_OF_SEVERAL:
        _longest_early(items)
    if not config.getoption("--soak") and "soak" not in (config.option.markexpr or ""):
        slow = [item for item in items if item.get_closest_marker("soak")]
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=slow)


def _longest_early(items: list[pytest.Item]) -> None:
    """Files that want a real server take longest, so that a worker that gets one last would work alone; order inside a file is kept.

    They are every third file from the first on, since workers that all had one would wait for the same server.
    """
    files = list(dict.fromkeys(item.path for item in items))
    asking = {item.path for item in items if SERVERS & set(getattr(item, "fixturenames", ()))}
    slow, quick = ([file for file in files if (file in asking) == wanted] for wanted in (True, False))
    place = {file: 3 * number for number, file in enumerate(slow)}
    place |= {file: 3 * (number // 2) + 1 + number % 2 for number, file in enumerate(quick)}
    items.sort(key=lambda item: place[item.path])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are cores, since workers often wait: for a disk, for a server, for a process of their own."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else (os.cpu_count() or 1) + 1


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _note(report)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith(ALLOWED_SKIPS):
            _skipped[report.nodeid] = reason


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """A worker's reports go through a pipe that takes no half of a surrogate pair, and tests log such things on purpose."""
    return _encodable((yield))


def _encodable(told: Any) -> Any:
    if isinstance(told, str):
        return told.encode("utf-8", "backslashreplace").decode()
    if isinstance(told, dict):
        return {_encodable(name): _encodable(value) for name, value in told.items()}
    return type(told)(map(_encodable, told)) if isinstance(told, list | tuple) else told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if IN_CI and _skipped:
        terminalreporter.section(f"skipped in CI, which only {', '.join(map(repr, ALLOWED_SKIPS))} may be", red=True)
        for node, reason in _skipped.items():
            terminalreporter.line(f"{node}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if IN_CI and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
