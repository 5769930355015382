"""What a job over Elasticsearch trusts: nothing in a log line, no certificate that it cannot check, no address that it was not given.

On a real node: injection through logs and ids, redirects to another host, certificates that are wrong in each way, users that may
not do what they try, and secrets, which are looked for in everything that a failing command leaves behind.
"""

from __future__ import annotations

import base64
import json
import ssl
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from elasticsearch import Elasticsearch
from services.certificates import Authority, fingerprint, serving
from services.elasticsearch import Secured
from services.enrichment import configure
from services.passes import Passes
from services.proxy import Proxy, Status
from services.weblogs import dead_letters, make_streams, own_index, plant, stored

LINE = '%s - - [20/May/2015:00:05:11 +0000] "GET %s HTTP/1.1" 200 4877 "-" "%s"'
DAY = "2015-05-20T00:05:11Z"
SENTINEL = "never-to-be-seen-5d1f"
"""Looked for wherever a secret could end up."""


@pytest.fixture(scope="module")
def passes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passes]:
    found = Passes(tmp_path_factory.mktemp("passes"), 1_000)
    yield found
    found.close()


@pytest.fixture
def index(client: Elasticsearch) -> Iterator[str]:
    """Two ordinary lines."""
    name = own_index()
    for number in range(2):
        message = LINE % (f"192.0.2.{number}", "/", "curl/7.1")
        client.index(index=name, id=str(number), document={"@timestamp": DAY, "message": message}, refresh=True)
    yield name
    client.indices.delete(index=name)


def test_nothing_in_a_document_decides_where_its_score_goes(
    passes: Passes, elasticsearch: str, client: Elasticsearch, namespace: str, index: str, tmp_path: Path
) -> None:
    evil = f"evil-{uuid4().hex[:12]}"
    action = json.dumps({"create": {"_index": evil, "_id": "x"}})
    hostile = {
        'a"}}\n{"create":': f"/x\\n{action}\\n{{}}",
        "b\nc": f"/?_index={evil}&logsentry.scores=1",
        "c\u2028d": "/data_stream.namespace=other",
    }
    for name, path in hostile.items():
        document = {
            "@timestamp": DAY,
            "message": LINE % ("192.0.2.9", path, action),
            "index": evil,
            "data_stream.namespace": evil,
        }
        client.index(index=index, id=name, document=document, refresh=True)
    for mode in ("append", "update"):
        job = configure(tmp_path / mode, elasticsearch, index, namespace, writing={"mode": mode})
        done = passes.run("enrich", job.config)
        assert done.code == 0, done.err
    found = stored(client, namespace)
    assert found.documents == {"0", "1", *hostile}
    assert not client.indices.exists(index=evil)
    assert not client.exists(index=index, id="x")
    for name in hostile:
        assert "logsentry" in client.get(index=index, id=name)["_source"]


def test_what_a_terminal_would_obey_is_not_printed(
    passes: Passes, elasticsearch: str, client: Elasticsearch, namespace: str, index: str, tmp_path: Path
) -> None:
    for number, message in enumerate(
        ["\x1b[2J\x1b]0;owned\x07 not a line", "first\nsecond: forged log line", "\x9b31m not a line"]
    ):
        client.index(index=index, id=f"\x1b[31m{number}", document={"@timestamp": DAY, "message": message}, refresh=True)
    job = configure(tmp_path, elasticsearch, index, namespace)
    said = passes.run("enrich", job.config)
    assert said.code == 4, said.err
    listed = passes.run("dlq", "list", job.config)
    shown = passes.run("dlq", "show", job.config, dead_letters(job.dead_letters)[0]["id"])
    assert len(dead_letters(job.dead_letters)) == 3
    for ended in (said, listed, shown):
        assert "Traceback" not in ended.err
        assert not {"\x1b", "\x07", "\x9b"} & set(ended.out + ended.err)
    assert "\nsecond: forged" not in said.err + listed.out


@pytest.mark.parametrize("name", ["../evil", "a/b", "x-y", "UPPER", "a\nb", "*", ".alerts-security"])
def test_a_namespace_is_one_name(passes: Passes, elasticsearch: str, index: str, tmp_path: Path, name: str) -> None:
    job = configure(tmp_path, elasticsearch, index, name)
    done = passes.run("enrich", job.config)
    assert done.code == 2, done.err
    assert "namespace" in done.err


@pytest.mark.parametrize("index", ["../_cluster/settings", "weblogs/_delete_by_query", "_all/_close"])
def test_an_index_cannot_name_another_request(
    passes: Passes, elasticsearch: str, namespace: str, tmp_path: Path, index: str
) -> None:
    with Proxy(elasticsearch) as proxy:
        done = passes.run("enrich", configure(tmp_path, proxy.url, index, namespace).config)
        assert done.code in (1, 2), done.err
        assert "Traceback" not in done.err
        for request, _ in proxy.requests:
            assert not request.path.startswith("/_cluster")
            assert request.path.partition("?")[0].rpartition("/")[2] in ("_field_caps", "_pit", "_search")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_given_no_credentials(
    passes: Passes, elasticsearch: str, namespace: str, index: str, tmp_path: Path, status: int
) -> None:
    with Proxy(elasticsearch) as elsewhere:
        away = Status(status, headers={"location": f"{elsewhere.url}/stolen"})
        with Proxy(elasticsearch, lambda request: away) as proxy:
            for folder, where in (("reading", {"reading": {"url": proxy.url}}), ("writing", {"writing": {"url": proxy.url}})):
                job = configure(
                    tmp_path / folder, elasticsearch, index, namespace, connection={"api_key": SENTINEL}, patience=1, **where
                )
                done = passes.run("enrich", job.config)
                assert done.code == 1, done.err
                assert "Traceback" not in done.err
            assert proxy.requests
        assert not elsewhere.requests


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://127.0.0.1:9200", "http://", "http://127.0.0.1:9200?x=1", "http://127.0.0.1:99999"]
)
def test_an_address_is_http_or_https(passes: Passes, index: str, namespace: str, tmp_path: Path, url: str) -> None:
    done = passes.run("enrich", configure(tmp_path, url, index, namespace).config)
    assert done.code == 2, done.err
    assert "address of Elasticsearch" in done.err


class Tls:
    """Proxies in front of the node with a certificate that is right or wrong in one way."""

    def __init__(self, upstream: str, folder: Path) -> None:
        self.authority = Authority(folder)
        (folder / "other").mkdir()
        other = Authority(folder / "other")
        self.good = self.authority.sign("good")
        certificates = {
            "good": self.good,
            "unknown": other.sign("unknown"),
            "wrong-name": self.authority.sign("wrong", "DNS:elsewhere.example,IP:192.0.2.1"),
            "expired": self.authority.sign("expired", days=(-3, -1)),
            "not-yet": self.authority.sign("not-yet", days=(1, 3)),
        }
        self.proxies = {name: Proxy(upstream, tls=serving(found)) for name, found in certificates.items()}
        old = serving(self.good)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            old.maximum_version = old.minimum_version = ssl.TLSVersion.TLSv1_1
        self.proxies["old-protocol"] = Proxy(upstream, tls=old)

    def close(self) -> None:
        for proxy in self.proxies.values():
            proxy.close()


@pytest.fixture(scope="module")
def tls(elasticsearch: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    found = Tls(elasticsearch, tmp_path_factory.mktemp("tls"))
    yield found
    found.close()


@pytest.mark.parametrize("which", ["unknown", "wrong-name", "expired", "not-yet", "old-protocol", "system"])
def test_a_certificate_that_cannot_be_trusted_is_sent_nothing(
    passes: Passes, tls: Tls, elasticsearch: str, namespace: str, index: str, tmp_path: Path, which: str
) -> None:
    proxy = tls.proxies["good" if which == "system" else which]
    secured = {"url": proxy.url, "api_key": SENTINEL, "ca_file": "" if which == "system" else str(tls.authority.path)}
    for folder, where in (("reading", {"reading": secured}), ("writing", {"writing": secured})):
        job = configure(tmp_path / folder, elasticsearch, index, namespace, patience=1, **where)
        done = passes.run("enrich", job.config)
        assert done.code == 1, done.err
        assert "Traceback" not in done.err
        assert SENTINEL not in done.err + done.out
        assert not dead_letters(job.dead_letters)
    assert not [request for request, _ in proxy.requests if request.headers.get("authorization", "").endswith(SENTINEL)]


@pytest.mark.parametrize("how", ["ca_file", "fingerprint", "authority's fingerprint", "insecure"])
def test_a_certificate_that_is_vouched_for_is_enough(
    passes: Passes, tls: Tls, client: Elasticsearch, namespace: str, index: str, tmp_path: Path, how: str
) -> None:
    trust: Mapping[str, Any] = {
        "ca_file": {"ca_file": str(tls.authority.path)},
        "fingerprint": {"fingerprint": fingerprint(tls.good[0])},
        "authority's fingerprint": {"fingerprint": fingerprint(tls.authority.path)},
        "insecure": {"insecure": True},
    }[how]
    job = configure(tmp_path, tls.proxies["good"].url, index, namespace, connection=trust)
    for _ in range(2):
        done = passes.run("enrich", job.config)
        assert done.code == 0, done.err
        assert ("is not verified" in done.err) == (how == "insecure")
    assert stored(client, namespace).documents == {"0", "1"}


def test_another_fingerprint_is_refused(passes: Passes, tls: Tls, namespace: str, index: str, tmp_path: Path) -> None:
    before = len(tls.proxies["good"].requests)
    job = configure(tmp_path, tls.proxies["good"].url, index, namespace, connection={"fingerprint": "ab" * 32}, patience=1)
    done = passes.run("enrich", job.config)
    assert done.code == 1, done.err
    assert len(tls.proxies["good"].requests) == before


@pytest.fixture(scope="module")
def secured(secured_elasticsearch: Secured) -> Iterator[tuple[Secured, Elasticsearch]]:
    found = secured_elasticsearch
    with Elasticsearch(found.url, ca_certs=str(found.authority), basic_auth=("admin", found.password)) as client:
        plant(client, "weblogs-secured", 300)
        make_streams(client, "secured")
        yield found, client


def as_user(server: Secured, user: str, **more: str) -> dict[str, str]:
    return {"ca_file": str(server.authority), "username": user, "password": server.password, **more}


def test_the_roles_of_the_setup_are_enough_and_not_too_much(
    passes: Passes, secured: tuple[Secured, Elasticsearch], tmp_path: Path
) -> None:
    server, client = secured
    job = configure(tmp_path, server.url, "weblogs-secured", "secured", connection=as_user(server, "job"))
    done = passes.run("enrich", job.config)
    assert done.code in (0, 4), done.err
    client.indices.rollover(alias="logs-logsentry.scores-secured")
    again = configure(tmp_path / "again", server.url, "weblogs-secured", "secured", connection=as_user(server, "job"))
    assert passes.run("enrich", again.config, "--since", "2015-01-01T00:00:00Z").code in (0, 4)
    assert not stored(client, "secured").doubled
    writer = Elasticsearch(server.url, ca_certs=str(server.authority), basic_auth=("writer", server.password))
    with writer:
        refused = writer.options(ignore_status=403)
        assert refused.search(index="weblogs-secured").meta.status == 403
        hit = client.search(index="logs-logsentry.scores-secured", size=1, seq_no_primary_term=True)["hits"]["hits"][0]
        assert refused.delete(index=hit["_index"], id=hit["_id"]).meta.status == 403
        changed = {"if_seq_no": hit["_seq_no"], "if_primary_term": hit["_primary_term"], "document": hit["_source"]}
        assert refused.index(index=hit["_index"], id=hit["_id"], **changed).meta.status == 403


@pytest.mark.parametrize(("user", "password"), [("reader", ""), ("stranger", ""), ("job", "a-wrong-password-" + SENTINEL)])
def test_a_user_who_may_not_is_told_so_and_nothing_is_given_up(
    passes: Passes, secured: tuple[Secured, Elasticsearch], tmp_path: Path, user: str, password: str
) -> None:
    server, _ = secured
    who = as_user(server, user) | ({"password": password} if password else {})
    job = configure(tmp_path, server.url, "weblogs-secured", "secured", connection=who, patience=2)
    done = passes.run("enrich", job.config)
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    assert "status 40" in done.err
    assert not [letter for letter in dead_letters(job.dead_letters) if letter.get("status")]
    assert SENTINEL not in done.err + done.out


IN_FORCE = ["config", "environment", "file", "password"]
REFUSED = ["userinfo", "wrong-type", "beside-an-error"]
"""Ways to give a secret that no command gets beyond."""


@pytest.mark.parametrize(
    ("where", "failure"),
    [(where, failure) for where in IN_FORCE for failure in ("nobody-there", "refused", "untrusted", "none")]
    + [(where, "none") for where in REFUSED],
)
def test_a_secret_is_in_nothing_that_is_printed_or_kept(
    passes: Passes,
    tls: Tls,
    elasticsearch: str,
    namespace: str,
    index: str,
    tmp_path: Path,
    where: str,
    failure: str,
) -> None:
    environment = {"LOGSENTRY_ELASTICSEARCH_API_KEY": SENTINEL} if where == "environment" else {}
    (tmp_path / "key").write_text(f"{SENTINEL}\n")
    secret: dict[str, Any] = {
        "config": {"api_key": SENTINEL},
        "environment": {},
        "file": {"api_key": f"file:{tmp_path / 'key'}"},
        "password": {"username": "me", "password": SENTINEL},
        "userinfo": {},
        "wrong-type": {"api_key": [SENTINEL]},
        "beside-an-error": {"api_key": SENTINEL, "no_such_option": 1},
    }[where]
    with Proxy(elasticsearch, (lambda request: Status(401, b'{"error":"no"}')) if failure == "refused" else None) as proxy:
        url = {"nobody-there": "http://127.0.0.1:9", "untrusted": tls.proxies["unknown"].url}.get(failure, proxy.url)
        if where == "userinfo":
            url = url.replace("://", f"://me:{SENTINEL}@")
        writing = {"url": url, **secret}
        job = configure(tmp_path, elasticsearch, index, namespace, reading=writing, writing=writing, patience=1)
        only_writing = configure(tmp_path / "writing", elasticsearch, index, namespace, writing=writing, patience=1)
        said = ""
        read, write = job.config, only_writing.config
        for words in (("enrich", read), ("--debug", "enrich", write), ("config", "show", read), ("config", "check", read)):
            done = passes.run(*words, environment=environment)
            assert words[0] == "config" or (done.code == 2) == (where in REFUSED), done.err
            said += done.out + done.err
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in ("job.yml", "key")]
    hidden = base64.b64encode(f"me:{SENTINEL}".encode()).decode()
    for text in [said, *(path.read_bytes().decode("utf-8", "replace") for path in kept)]:
        assert SENTINEL not in text
        assert hidden not in text
    assert yaml.safe_load(job.config.read_text())


def test_what_the_server_says_of_a_secret_is_not_repeated(
    passes: Passes, elasticsearch: str, namespace: str, index: str, tmp_path: Path
) -> None:
    told = Status(401, json.dumps({"error": {"type": "x", "reason": f"invalid key [{SENTINEL}]"}}).encode())
    with Proxy(elasticsearch, lambda request: told) as proxy:
        for folder, where in (("reading", "reading"), ("writing", "writing")):
            options = {where: {"url": proxy.url, "api_key": SENTINEL}}
            done = passes.run(
                "enrich", configure(tmp_path / folder, elasticsearch, index, namespace, patience=1, **options).config
            )
            assert done.code == 1
            assert SENTINEL not in done.err + done.out
