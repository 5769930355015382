"""The real rsyslog and syslog-ng, each sending the lines of a file as it is told, with no part of the machine's own system log."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.debian import program


class Daemon:
    """A process that reads the file `lines` and sends it; what is appended is sent as well."""

    def __init__(self, process: subprocess.Popen[bytes], lines: Path, out: Path) -> None:
        self.process, self.lines, self._out = process, lines, out

    def write(self, lines: Sequence[str]) -> None:
        with self.lines.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def said(self) -> str:
        return self._out.read_text(errors="replace")[-2000:]


@contextmanager
def rsyslog(folder: Path, action: str, settings: str = "") -> Iterator[Daemon]:
    """`action` is what stands in the parentheses of an action of omfwd, `settings` what stands in those of global(). Raises `Unavailable`
    where there is no rsyslog."""
    what = program("rsyslogd")
    (folder / "work").mkdir(parents=True)
    lines, config = folder / "lines", folder / "rsyslog.conf"
    lines.touch()
    config.write_text(f"""
        global(workDirectory="{folder}/work" {settings})
        module(load="imfile")
        input(type="imfile" file="{lines}" tag="web:" ruleset="send")
        ruleset(name="send") {{ action(type="omfwd" {action}) }}
    """)
    command = [str(what.path), "-n", "-f", str(config), "-i", str(folder / "pid"), "-M", str(what.modules)]
    with _running(command, dict(what.environment), folder / "out", lines) as daemon:
        yield daemon


@contextmanager
def syslog_ng(folder: Path, destination: str) -> Iterator[Daemon]:
    """`destination` is a destination driver. Raises `Unavailable` where there is no syslog-ng."""
    what = program("syslog-ng")
    folder.mkdir(parents=True, exist_ok=True)
    lines, config = folder / "lines", folder / "syslog-ng.conf"
    lines.touch()
    config.write_text(f"""@version: 3.35
        options {{ stats-freq(0); keep-hostname(yes); time-reopen(1); }};
        source read {{ file("{lines}" flags(no-parse) program-override("web")); }};
        destination send {{ {destination} }};
        log {{ source(read); destination(send); }};
    """)
    files = ["-f", str(config), "-R", str(folder / "persist"), "-p", str(folder / "pid"), "-c", str(folder / "control")]
    command = [str(what.path), "-F", "--no-caps", "--stderr", f"--module-path={what.modules}", *files]
    with _running(command, dict(what.environment), folder / "out", lines) as daemon:
        yield daemon


@contextmanager
def _running(command: list[str], environment: dict[str, str], out: Path, lines: Path) -> Iterator[Daemon]:
    with out.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT, cwd=out.parent)
    try:
        yield Daemon(process, lines, out)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
