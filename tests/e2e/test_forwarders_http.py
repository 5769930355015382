"""Forwarders that people run deliver over HTTP; what was acknowledged is scored once, whatever happens to the server."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch
from elasticsearch.helpers import bulk
from services.debian import program
from services.forwarders import Served, closing_lines, lines, served, until

from logsentry.errors import Unavailable

TOKEN = "a-token-of-forwarders-0001"
RECEIVED = 'logsentry_forward_received_records_total{forward="web"}'
OPEN = 'logsentry_forward_open_records{forward="web"}'
CHANNEL = "FE0ECFAD-13D5-401B-847D-77833BD77131"


def indexed(found: Sequence[str], first: int = 0) -> Iterator[dict[str, object]]:
    return ({"_index": "web", "_id": f"d{number}", "message": line} for number, line in enumerate(found, first))


def test_elasticsearchs_own_client_delivers_and_each_line_is_scored_once(tmp_path: Path) -> None:
    found = [*lines(800), *closing_lines()]
    with served(tmp_path, bulk=True) as server, Elasticsearch(server.url, http_compress=True) as client:
        assert client.info()["version"]["number"].startswith("8.")
        assert client.license.get()["license"]["status"] == "active"
        assert client.cluster.health()["status"] == "green"
        assert client.ping()
        assert bulk(client, indexed(found), chunk_size=300) == (len(found), [])
        assert bulk(client, indexed(found[:100]), chunk_size=300) == (100, [])  # sent again, as after a lost answer
        until(lambda: server.ended() >= len(found) + 99, "all lines are scored", server.said)
        server.stop()
        times = server.scored()
    assert all(times[line] == 1 for line in found[:-1]), "a line was lost or scored twice"
    assert times.total() == len(found) - 1  # the last session waits for what may follow


def test_each_item_has_its_own_answer_in_order(tmp_path: Path) -> None:
    good = json.dumps({"message": lines(1)[0]})
    rows = ['{"index":{"_id":"a"}}', good, '{"create":{"_index":"other"}}', "no json", '{"delete":{"_id":"a"}}']
    rows += ['{"update":{"_id":"a"}}', '{"doc":{}}', '{"index":{}}', "[1]", '{"index":{}}', '{"text":"no message"}']
    with served(tmp_path, bulk=True) as server, Elasticsearch(server.url + "/intake/web") as client:
        assert client.ping()
        answer = client.bulk(body="\n".join(rows).encode() + b"\n", index="of-the-address")
        until(lambda: server.ended() >= 1, "the document without the field is buried", server.said)
        assert "terminated by a newline" in refused(server.url + "/_bulk", b'{"index":{}}\n{"message":"x"}')
        with pytest.raises(ApiError, match="Malformed action/metadata line"):
            client.bulk(body=b'{"index":{}}\n{"message":"x"}\n7\n')
        server.stop()
    statuses = [(action, said["status"]) for item in answer["items"] for action, said in item.items()]
    wanted = [("index", 201), ("create", 400), ("delete", 400), ("update", 400), ("index", 400), ("index", 201)]
    assert statuses == wanted
    assert answer["errors"]
    assert answer["items"][0]["index"]["_id"] == "a"
    assert answer["items"][0]["index"]["_index"] == "of-the-address"
    buried = [json.loads(line) for line in server.dead.read_text().splitlines()]
    assert [letter["record"] for letter in buried] == ['{"text":"no message"}']
    assert "field message" in buried[0]["reason"]


def refused(url: str, body: bytes) -> str:
    """Why a request is answered with 400; the client of Elasticsearch would mend it."""
    with pytest.raises(HTTPError, match="400") as error:
        urlopen(Request(url, body, {"content-type": "application/x-ndjson"}), timeout=20)
    with error.value as answer:
        assert answer.headers["x-elastic-product"] == "Elasticsearch"
        return str(json.loads(answer.read())["error"]["reason"])


def test_a_full_spool_says_429_for_each_item_and_takes_more_later(tmp_path: Path) -> None:
    """Twelve requests at once, of which a spool of 1 MiB can hold four or so; none of them is kept in part."""
    bodies = [
        "".join(f'{{"index":{{}}}}\n{json.dumps({"message": line})}\n' for line in lines(13_200)[number::12]).encode()
        for number in range(12)
    ]
    with served(tmp_path, bulk=True, spool={"folder": str(tmp_path / "spool"), "most_bytes": 1 << 20}) as server:
        with Elasticsearch(server.url) as client:
            with pytest.raises(ApiError, match="send less at a time") as error:
                client.bulk(body=b"".join(bodies))
            assert error.value.status_code == 413
            with ThreadPoolExecutor(12) as pool:
                answers = list(pool.map(lambda body: client.bulk(body=body), bodies))
            statuses = [{said["status"] for item in answer["items"] for said in item.values()} for answer in answers]
            assert {429} in statuses
            assert {201} in statuses
            assert all(len(each) == 1 for each in statuses)
            # the client's `bulk` sends items with 429 again only where it may not raise at the first of them
            assert bulk(client, indexed(lines(500)), max_retries=8, initial_backoff=0.2, raise_on_error=False) == (500, [])
        server.stop()


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.soak)])
def test_killed_in_mid_stream_everything_acknowledged_is_scored_once(tmp_path: Path, kills: int) -> None:
    found = lines(3000 * kills)
    with served(tmp_path, bulk=True) as server:
        sender = Sender(server, found)
        sender.start()
        chance, killed_in_mid_stream = random.Random(11), 0
        for _ in range(kills):
            before = sender.acknowledged
            until(lambda before=before: sender.acknowledged > before, "something is acknowledged", server.said)
            time.sleep(chance.uniform(0.0, 0.25))
            killed_in_mid_stream += sender.acknowledged < len(found)
            server.kill()
            server.start()
        sender.join(300)
        assert not sender.is_alive()
        assert killed_in_mid_stream == kills, "the stream ended before the kills: it is too short for this machine"
        with Elasticsearch(server.url) as client:
            bulk(client, indexed(closing_lines(), len(found)))
        marker = closing_lines()[0]
        until(lambda: server.counted(OPEN) == 1, "all is scored", server.said)
        server.stop()
        times = server.scored()
    assert [line for line in found if times[line] == 0] == []
    assert [line for line in found if times[line] > 1] == []
    assert times.total() == len(found) + 1
    assert times[marker] == 1


class Sender(threading.Thread):
    """Sends chunk after chunk, each until it is acknowledged."""

    def __init__(self, server: Served, found: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._url, self._found = server.url, found
        self.acknowledged = 0

    def run(self) -> None:
        with Elasticsearch(self._url, request_timeout=30, max_retries=0) as client:
            while self.acknowledged < len(self._found):
                chunk = self._found[self.acknowledged : self.acknowledged + 50]
                try:
                    bulk(client, indexed(chunk, self.acknowledged))
                except (TransportError, ApiError):
                    time.sleep(0.05)
                    continue
                self.acknowledged += len(chunk)
                time.sleep(0.005)  # so that a fast machine is not done before it is killed


def curl(url: str, *options: str) -> tuple[int, dict[str, object]]:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl; `make services` says how to get it")
    command = ["curl", "-s", "-w", "\n%{http_code}", *options, url]
    said, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return int(status), json.loads(said)


def test_curl_talks_to_the_collector(tmp_path: Path) -> None:
    found = [*lines(6), *closing_lines()]
    with served(tmp_path / "served", TOKEN, hec=True) as server:
        at, key = server.url + "/services/collector", ("-H", f"Authorization: Splunk {TOKEN}")
        assert curl(at + "/health") == (200, {"text": "HEC is healthy", "code": 17})
        assert curl(at, "-d", "{}") == (401, {"text": "Token is required", "code": 2})
        assert curl(at, "-H", "Authorization: Splunk unknown", "-d", "{}") == (403, {"text": "Invalid token", "code": 4})
        for body, code in (("", 5), ("{", 6), ('{"time":1}', 12), ('{"event":""}', 13), ('{"event":"a"}{"event":null}', 13)):
            status, said = curl(at + "/event", *key, "-d", body)
            assert (status, said["code"]) == (400, code), body
        assert said["invalid-event-number"] == 1
        events = json.dumps({"event": found[0], "time": 1.5}) + json.dumps({"event": {"message": found[1]}, "fields": {}})
        assert curl(at, *key, "-d", events) == (200, {"text": "Success", "code": 0})
        raw = "\n".join(found[2:4]) + "\n"
        channel = ("-H", f"X-Splunk-Request-Channel: {CHANNEL}")
        assert curl(at + "/raw", *key, *channel, "--data-binary", raw) == (200, {"text": "Success", "code": 0, "ackId": 0})
        under = server.url + f"/intake/web/services/collector/event?channel={CHANNEL}"
        assert curl(under, *key, "-d", json.dumps({"event": found[4]}))[1]["ackId"] == 1
        assert curl(under, *key, "-d", "".join(json.dumps({"event": line}) for line in found[5:]))[1]["ackId"] == 2
        asked = curl(at + f"/ack?channel={CHANNEL}", *key, "-d", '{"acks":[0,1,2,3]}')
        assert asked == (200, {"acks": {"0": True, "1": True, "2": True, "3": False}})
        assert curl(at + "/ack", *key, "-d", '{"acks":[0]}') == (400, {"text": "Data channel is missing", "code": 10})
        until(lambda: server.ended() >= len(found) - 1, "all is scored", server.said)
        server.stop()
        times = server.scored()
    assert times == dict.fromkeys(found[:-1], 1)


def test_the_exporter_of_this_project_delivers_to_the_collector_and_hears_when_it_was_exported(tmp_path: Path) -> None:
    """Its scores are no access lines, so they end in the dead letters, which is an end too."""
    log = tmp_path / "access.log"
    log.write_text("\n".join(lines(400)) + "\n")
    with served(tmp_path / "served", hec=True, record="document", acknowledge="exported") as server:
        command = [sys.executable, "-m", "logsentry", "score", "--bundle", "demo", str(log), "--to", f"splunk:{server.url}"]
        command += ["--to", f"ndjson:{tmp_path / 'scores.ndjson'}"]
        environment = {"LOGSENTRY_SPLUNK_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        scores = [json.loads(line) for line in (tmp_path / "scores.ndjson").read_text().splitlines()]
        buried = [json.loads(line)["record"] for line in server.dead.read_text().splitlines()]
        server.stop()
    assert scores
    assert len(buried) == len(set(buried)) == len(scores) + sum(score["alert"] for score in scores)


RSYSLOG = """
global(workDirectory="{folder}")
module(load="imfile" mode="polling" pollingInterval="1")
module(load="omelasticsearch")
template(name="document" type="list") {{
  constant(value="{{\\"message\\":\\"") property(name="msg" format="json") constant(value="\\"}}")
}}
input(type="imfile" file="{log}" tag="web" ruleset="deliver")
ruleset(name="deliver") {{
  action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" searchIndex="web" searchType="_doc"
         template="document" bulkmode="on" uid="logsentry" pwd="{token}" errorFile="{folder}/errors"
         action.resumeRetryCount="-1" action.resumeInterval="1" queue.type="linkedList" queue.dequeueBatchSize="200")
}}
"""


def test_a_real_rsyslog_delivers_with_omelasticsearch_also_while_the_server_is_away(tmp_path: Path) -> None:
    try:
        rsyslogd = program("rsyslogd")
    except Unavailable as error:
        pytest.skip(str(error))
    found = lines(2000)
    log, conf = tmp_path / "access.log", tmp_path / "rsyslog.conf"
    log.write_text("\n".join(found[:1000]) + "\n")
    with served(tmp_path / "served", TOKEN, bulk=True) as server:
        conf.write_text(RSYSLOG.format(folder=tmp_path, log=log, port=server.port, token=TOKEN))
        command = [str(rsyslogd.path), "-n", "-f", str(conf), "-i", str(tmp_path / "pid"), "-M", str(rsyslogd.modules)]
        with (tmp_path / "rsyslog.said").open("wb") as said:
            process = subprocess.Popen(command, env=rsyslogd.environment, stdout=said, stderr=said)
        try:
            until(lambda: server.ended() >= 400, "rsyslog delivers", (tmp_path / "rsyslog.said").read_text)
            server.stop()
            with log.open("a") as file:
                file.write("\n".join(found[1000:]) + "\n")
            server.start()
            until(lambda: server.counted(RECEIVED) >= 800, "rsyslog goes on", (tmp_path / "rsyslog.said").read_text)
            with log.open("a") as file:  # what is left in its queue after a long absence goes out when more comes in
                file.write("\n".join(closing_lines()) + "\n")
            until(lambda: server.counted(OPEN) == 1, "all is scored", (tmp_path / "rsyslog.said").read_text)
        finally:
            process.terminate()
            process.wait(20)
        server.stop()
        times = server.scored()
    assert [line for line in found if times[line] != 1] == []
    assert not (tmp_path / "errors").exists(), (tmp_path / "errors").read_text()[:1000]
