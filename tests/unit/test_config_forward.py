"""The configuration of `logsentry serve --forward`: what is read, and the sentence and line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from logsentry import config
from logsentry.errors import ConfigError

REST = """\
source: {use: http-access}
bundle: {store: store, name: demo}
exporters: [{use: duckdb, path: scores.duckdb}]
"""


def load(folder: Path, listen: str, rest: str = REST) -> config.Forward:
    path = folder / "forward.yaml"
    path.write_text(f"listen: {listen}\n{rest}")
    return config.load_forward(path)


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    found = load(tmp_path, "{name: web, bulk: true}")
    assert (found.listen.record, found.listen.acknowledge, found.listen.spool.folder) == ("message", "stored", "logsentry-spool")
    assert found.source.use == "http-access"
    assert found.exporters[0].use == "duckdb"


def test_everything_may_be_said_and_shown(tmp_path: Path) -> None:
    listen = (
        "{name: web, hec: true, record: event.original, acknowledge: exported, hold: 60, spool: {folder: s, most_bytes: 2097152},"
        " syslog: {tcp: '127.0.0.1:5514', tls: {certificate: c, key: k, client_ca: a}}}"
    )
    found = load(tmp_path, listen)
    assert found.listen.syslog == config.Syslog("127.0.0.1:5514", "", config.SyslogTls("c", "k", "a"))
    shown = tmp_path / "shown.yaml"
    shown.write_text(config.show(found, redact=False))
    assert config.load_forward(shown) == found


@pytest.mark.parametrize(
    ("listen", "sentence"),
    [
        ("{name: web}", "listen should turn on at least one of bulk, hec and syslog"),
        ("{name: web, syslog: {}}", "listen should turn on at least one of bulk, hec and syslog"),
        ("{name: web, bluk: true}", "unknown key 'bluk' in listen; did you mean 'bulk'?"),
        ("{bulk: true}", "listen lacks 'name'"),
        ("{name: ../web, bulk: true}", "listen.name"),
        ("{name: web, bulk: 1}", "listen.bulk should be true or false"),
        ("{name: web, bulk: true, acknowledge: never}", "listen.acknowledge should be one of exported, stored"),
        ("{name: web, bulk: true, spool: {most: 1}}", "unknown key 'most' in listen.spool"),
        ("{name: web, bulk: true, spool: {most_bytes: 1}}", "listen.spool.most_bytes"),
        ("{name: web, syslog: {tls: {key: k}}}", "listen.syslog.tls lacks 'certificate'"),
    ],
)
def test_what_is_wrong_has_a_line_and_a_sentence(tmp_path: Path, listen: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, listen)
    assert str(error.value).startswith(f"{tmp_path}/forward.yaml:1: ")
    assert sentence in str(error.value)


def test_inputs_and_listen_are_for_different_commands(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="inputs are for `logsentry run`"):
        load(tmp_path, "{name: web, bulk: true}", "inputs: [{use: files, paths: [a]}]\n" + REST)
    path = tmp_path / "forward.yaml"
    path.write_text("listen: {name: web, bulk: true}\n" + REST)
    with pytest.raises(ConfigError, match=r"yaml:1: what listens is for `logsentry serve --forward`"):
        config.load(path)


def test_the_schema_describes_what_listens(tmp_path: Path) -> None:
    document, _ = config.schema(of=config.Forward)
    assert set(document["required"]) == {"listen", "source", "bundle", "exporters"}
    assert "inputs" not in document["properties"]
    assert document["$defs"]["Listen"]["properties"].keys() >= {"name", "bulk", "hec", "record", "spool", "syslog"}
    path = tmp_path / "forward.yaml"
    path.write_text("listen: {name: web, bulk: true}\n" + REST)
    assert isinstance(config.load_any(path), config.Forward)
