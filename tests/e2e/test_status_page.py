"""The page at `/`: what a real browser makes of it at two widths, who may see it, and that strangers' text stays text."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from services.asgi import ask
from services.browser import Page, browser
from services.forwarders import lines, served
from services.model_server import NAME, Server, add_bundle, serving, store_in

from logsentry.errors import Unavailable
from logsentry.schema.books import Books
from logsentry.server.access import Access
from logsentry.server.app import Settings, application
from logsentry.server.figures import Figures
from logsentry.server.forward.standing import Standing
from logsentry.server.status_page import render
from logsentry.server.syslog.listener import SyslogStanding
from logsentry.store.bundles import Store

HTML = {"accept": "text/html,application/xhtml+xml"}
READ, SCORE = "r" * 20, "s" * 20
WINDOWS = [[3, 5, 6, 7, 4]]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    try:
        opened = browser(tmp_path_factory.mktemp("browser"))
        with opened as found:
            yield found
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two names, one of which points to a bundle that was damaged afterwards."""
    store = tmp_path_factory.mktemp("status") / "store"
    store_in(store, 1)
    damaged = add_bundle(store, 7, name="damaged")
    (store / "bundles" / damaged / "model.onnx").write_bytes(b"not a graph")
    with serving(store, environment={"LOGSENTRY_READ_TOKEN": READ, "LOGSENTRY_SCORE_TOKEN": SCORE}) as found:
        for _ in range(3):
            tensor = {"name": "ids", "datatype": "INT64", "shape": [1, 5], "data": WINDOWS}
            answer = found.ask("POST", f"/v2/models/{NAME}/infer", {"inputs": [tensor]}, {"authorization": f"Bearer {SCORE}"})
            assert answer.status == 200
        yield found


def address(server: Server, rest: str = "/?refresh=0") -> str:
    return f"http://anybody:{READ}@127.0.0.1:{server.port}{rest}"


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_a_browser_shows_it_whole(server: Server, page: Page, width: int, tmp_path: Path) -> None:
    page.open(address(server), width)
    assert page.value("document.documentElement.scrollWidth") <= width, "nothing is cut off at the side"
    assert page.value("getComputedStyle(document.querySelector('.card')).borderTopWidth") == "3px", "the style was let through"
    clipped = "[...document.querySelectorAll('dd,dt,td,th,.figure,h3')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert page.value(clipped) == 0
    assert page.complaints == []
    text = page.value("document.body.innerText")
    assert "Ready" in text
    assert NAME in text
    page.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_it_says_what_the_server_does(server: Server, page: Page) -> None:
    page.open(address(server), 1280)
    articles = page.value("[...document.querySelectorAll('article')].map(a => a.innerText)")
    served = next(text for text in articles if text.startswith(NAME))
    assert re.search(r"requests\s+3\s+windows\s+3\s+batches\s+[123]\b", served)
    refused = next(text for text in articles if text.startswith("damaged"))
    assert "not served" in refused
    assert "model.onnx" in refused
    assert page.value("[...document.querySelectorAll('tbody th')].some(e => e.innerText == '/v2/models/{model}/infer')")


def test_it_comes_back_by_itself(server: Server, page: Page) -> None:
    page.open(address(server, "/?refresh=1"), 1280)
    before = page.value("document.querySelector('header time').innerText")
    page.wait_for_load()
    page.wait_for_load()
    assert page.value("document.querySelector('header time').innerText") != before
    page.open("about:blank", 1280)


def test_it_asks_a_browser_for_a_token_and_lets_no_other_role_in(server: Server) -> None:
    bare = server.ask("GET", "/", headers=HTML)
    assert (bare.status, bare.headers["www-authenticate"].partition(" ")[0]) == (401, "Basic")
    assert server.ask("GET", "/").headers["www-authenticate"] == "Bearer"
    wrong = {"authorization": "Basic " + b64encode(b"me:" + b"x" * 20).decode()}
    assert server.ask("GET", "/", headers=HTML | wrong).status == 401
    right = {"authorization": "Basic " + b64encode(f"me:{READ}".encode()).decode()}
    assert server.ask("GET", "/", headers=HTML | right).status == 200


def test_it_holds_no_script_and_says_what_a_browser_may_do(server: Server) -> None:
    answer = server.ask("GET", "/", headers=HTML | {"authorization": f"Bearer {READ}"})
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    body = answer.body.decode()
    assert not re.search(r"<script|javascript:|\son\w+=|https?://", body)
    assert str(server.log.parent) not in body, "no path of this machine"
    assert READ not in body


def test_programs_get_the_same_as_json(server: Server) -> None:
    found = server.ask("GET", "/", headers={"authorization": f"Bearer {READ}"}).json()
    (served,) = [model for model in found["models"] if model["name"] == NAME]
    assert served["tally"]["items"] == 3
    assert found["ready"] is True
    assert str(server.log.parent) not in json.dumps(found)


def test_warnings_are_shown_with_what_they_hide_written_out(tmp_path: Path) -> None:
    store_in(tmp_path, 1)
    app = application(Settings(tmp_path), Access({}))

    async def trial() -> str:
        async with app.router.lifespan_context(app):
            logger = logging.getLogger("logsentry.server")
            for _ in range(3):
                logger.warning("a \x1b[31m \u202e <script>%s</script>", "x")
            logger.info("not worth showing")
            await ask(app, "POST", "/v1/score/http-access", b"no line\n")
            return (await ask(app, "GET", "/", headers=HTML)).body.decode()

    body = asyncio.run(trial())
    assert "a \\x1b[31m \\u202e &lt;script&gt;x&lt;/script&gt;" in body
    assert "(3 times)" in body
    assert "not worth showing" not in body
    assert logging.getLogger("logsentry").handlers == []


def test_a_store_without_models_says_what_to_do(tmp_path: Path) -> None:
    Store(tmp_path)
    app = application(Settings(tmp_path), Access({}))

    async def trial() -> str:
        async with app.router.lifespan_context(app):
            return (await ask(app, "GET", "/", headers=HTML, query="refresh=60")).body.decode()

    body = asyncio.run(trial())
    assert "Not ready" in body
    assert "logsentry train" in body
    assert '<meta http-equiv="refresh" content="60">' in body


def test_a_forwarder_is_shown_and_its_clients_get_their_own_greeting(tmp_path: Path, page: Page) -> None:
    sent = b"".join(b'{"index":{}}\n%s\n' % json.dumps({"message": line}).encode() for line in lines(20))
    with served(tmp_path, bulk=True) as forwarder:
        request = Request(forwarder.url + "/_bulk", sent, {"content-type": "application/x-ndjson"})
        with urlopen(request, timeout=30) as answer:
            assert json.load(answer)["errors"] is False
        with urlopen(forwarder.url + "/", timeout=30) as answer:
            assert json.load(answer)["tagline"], "a client of Elasticsearch"
        page.open(forwarder.url + "/?refresh=0", 390)
        assert page.value("document.documentElement.scrollWidth") <= 390
        shown = page.value("[...document.querySelectorAll('article')].map(a => a.innerText).join('|')")
    assert re.search(r"web\s+demo@[0-9a-f]{12}\s+running\s+arrived\s+20\s+scored", shown)


def test_a_forwarder_with_syslog_is_shown_whole_at_any_width(page: Page, tmp_path: Path) -> None:
    """Every figure that a listener has, as large as figures become, and every trouble at once."""
    path = tmp_path / "page.html"
    path.write_text(render(troubled(), [], 0), encoding="utf-8")
    for width in (390, 768, 1280):
        page.open(path.as_uri(), width)
        assert page.value("document.documentElement.scrollWidth") <= width, "nothing is cut off at the side"
        clipped = "[...document.querySelectorAll('dd,dt,h3,h4,p')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
        assert page.value(clipped) == 0
    assert page.value("document.querySelector('h4').innerText").startswith("Syslog")
    rows = "Object.fromEntries([...document.querySelectorAll('h4 ~ dl > div')].map(e => e.innerText.split(/\\n+/)))"
    assert page.value(rows) == {
        "received": "12,345,678", "connections": "1,000", "senders": "10,000", "refused": "54,331", "cut short": "8",
        "broken off": "17", "dropped": "3,210,987", "lost by kernel": "9,876,543",
    }  # fmt: skip
    said = page.value("document.querySelector('h4 + p').innerText")
    assert said == "on tls://[::1]:6514, udp://127.0.0.1:5514, from 10.0.0.0/8, fe80::/10"
    assert "not read" in page.value("document.querySelector('h4 b').innerText")


def troubled() -> Figures:
    forwarder = Standing(
        "web", Books(5, 5), 1, 0, 5, 100, 1 << 30, 0, "the dead letters are full", "web@0123456789ab", "its SHA-256 differs",
        200 << 20, 256 << 20,
    )  # fmt: skip
    at, peers = ("tls://[::1]:6514", "udp://127.0.0.1:5514"), ("10.0.0.0/8", "fe80::/10")
    syslog = SyslogStanding("web", 12_345_678, 1000, 10, 8, 17, 3_210_987, 9_876_543, 54_321, 10_000, at, peers, True)
    return Figures("1", 0.0, 0.0, 1.0, True, 0, 1, 0.0, 0.0, None, None, [], [], [forwarder], [syslog])


def test_what_syslog_lost_stands_beside_its_forwarder() -> None:
    forwarder = Standing("web", Books(5, 5), 1, 0, 5, 100, 1 << 30, 0, "")
    syslog = [SyslogStanding(name, 5, 1, 0, 0, 0, dropped, None) for name, dropped in (("web", 3), ("other", 4321))]
    figures = Figures("1", 0.0, 0.0, 1.0, True, 0, 1, 0.0, 0.0, None, None, [], [], [forwarder], syslog)
    body = render(figures, [], 0)
    assert '<div class="bad"><dt>dropped</dt><dd>3</dd></div>' in body
    assert "from every machine that reaches it" in body
    assert "4,321" not in body
    assert "content=" not in body.partition("</head>")[0].replace('content="width=', ""), "it does not come back by itself"
