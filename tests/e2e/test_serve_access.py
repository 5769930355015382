"""Tokens, TLS and client certificates, on a server as it is started for others to use."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Iterator
from http.client import RemoteDisconnected
from pathlib import Path

import pytest
from services.certificates import Authority
from services.model_server import NAME, Server, serving, store_in

READ, SCORE, ADMIN = "read-0123456789ab", "score-0123456789ab", "admin-0123456789ab"
IDS = {"inputs": [{"name": "ids", "datatype": "INT64", "shape": [1, 3], "data": [3, 5, 4]}]}
ASKED = {
    ("GET", "/v2"): "read",
    ("GET", f"/v2/models/{NAME}"): "read",
    ("GET", f"/v2/models/{NAME}/ready"): "read",
    ("POST", "/v2/repository/index"): "read",
    ("GET", "/metrics"): "read",
    ("GET", "/openapi.json"): "read",
    ("POST", f"/v2/models/{NAME}/infer"): "score",
    ("POST", "/v1/score/http-access"): "score",
    ("POST", f"/v2/repository/models/{NAME}/load"): "admin",
}
FREE = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("access") / "store"
    store_in(folder, 1)
    return folder


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Server]:
    tokens = store / "tokens"
    tokens.write_text(f"read {READ}\nscore {SCORE}\n")
    tokens.chmod(0o600)
    with serving(store, "--tokens", tokens, "--control", "--access-log", environment={"LOGSENTRY_ADMIN_TOKEN": ADMIN}) as running:
        yield running


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_each_route_wants_its_role(server: Server, method: str, path: str) -> None:
    needed = ["read", "score", "admin"].index(ASKED[method, path])
    body = IDS if path.endswith("infer") else None
    for number, token in enumerate((READ, SCORE, ADMIN)):
        answer = server.ask(method, path, body, {"Authorization": f"Bearer {token}"})
        assert answer.status == (200 if number >= needed else 403), answer.body
    for headers in ({}, {"Authorization": "Bearer wrong-0123456789"}, {"Authorization": "Basic é"}):
        answer = server.ask(method, path, body, headers)
        assert (answer.status, answer.headers["www-authenticate"].split()[0]) == (401, "Bearer")


def test_health_needs_no_token_and_every_other_route_does(server: Server) -> None:
    for path in FREE:
        assert server.ask("GET", path).status == 200
    document = server.ask("GET", "/openapi.json", None, {"Authorization": f"Bearer {READ}"}).json()
    for path, operations in document["paths"].items():
        for method in operations:
            asked = server.ask(method.upper(), path.replace("{model}", NAME).replace("{source}", "http-access"))
            assert asked.status == (200 if path in FREE else 401), path


def test_a_token_may_come_as_the_password_of_a_browser(server: Server) -> None:
    given = b64encode(f"me:{READ}".encode()).decode()
    assert server.ask("GET", "/v2", None, {"Authorization": f"Basic {given}"}).status == 200


def test_no_token_is_logged(server: Server) -> None:
    server.ask("GET", f"/v2?token={SCORE}", None, {"Authorization": f"Bearer {SCORE}"})
    log = server.log.read_text()
    assert "GET /v2 200" in log
    assert not any(token in log for token in (READ, SCORE, ADMIN))


def test_a_web_page_may_not_ask_a_server_without_tokens_and_may_not_read_it_by_another_name(store: Path) -> None:
    with serving(store, "--control") as running:
        load = f"/v2/repository/models/{NAME}/load"
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            answer = running.ask("POST", load, b"{}", {"Content-Type": "text/plain", **headers})
            assert (answer.status, "--tokens" in answer.json()["error"]) == (403, True)
        assert running.ask("POST", load, b"{}", {"Host": f"localhost:{running.port}"}).status == 200


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def trusting(authority: Authority, client: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.path))
    if client is not None:
        context.load_cert_chain(*client)
    return context


def test_tls_with_a_token(store: Path, authority: Authority) -> None:
    certificate, key = authority.sign("server")
    environment = {"LOGSENTRY_SCORE_TOKEN": SCORE}
    options = ("--host", "0.0.0.0", "--certificate", certificate, "--key", key)
    with serving(store, *options, environment=environment, context=trusting(authority)) as running:
        assert running.ask("GET", "/healthz").status == 200
        assert running.ask("GET", "/v2").status == 401
        assert running.ask("GET", "/v2", None, {"Authorization": f"Bearer {SCORE}"}).status == 200
        old = trusting(authority)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert running.by(old).ask("GET", "/healthz").status == 200
        plain = running.by(None)
        with pytest.raises((ConnectionError, RemoteDisconnected)):
            plain.ask("GET", "/healthz")
        with pytest.raises(ssl.SSLCertVerificationError):
            running.by(ssl.create_default_context()).ask("GET", "/healthz")
        assert running.ask("GET", "/healthz").status == 200
        assert running.stop() == 0


def test_mutual_tls(store: Path, authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.sign("mutual")
    (tmp_path / "strange").mkdir()
    strange = Authority(tmp_path / "strange")
    options = ("--certificate", certificate, "--key", key, "--client-ca", authority.path)
    with serving(store, *options, context=trusting(authority, authority.sign("client"))) as running:
        assert running.ask("GET", "/v2").status == 200
        for context in (trusting(authority), trusting(authority, strange.sign("stranger"))):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                running.by(context).ask("GET", "/healthz")
        assert running.ask("GET", "/v2").status == 200
