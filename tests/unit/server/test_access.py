"""Who may do what: roles by token, headers in every spelling that clients use, files that others may read, and hosts that are open."""

from __future__ import annotations

import hmac
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import UsageError
from logsentry.server.access import ROLES, Access, Role, read_tokens, refuse_open

READ, SCORE, ADMIN = "read-0123456789ab", "score-0123456789ab", "admin-0123456789ab"
ACCESS = Access({READ: "read", SCORE: "score", ADMIN: "admin"})


def basic(password: str, user: str = "x") -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(("token", "may"), [(READ, ["read"]), (SCORE, ["read", "score"]), (ADMIN, ["read", "score", "admin"])])
def test_a_role_may_what_the_ones_before_it_may(token: str, may: list[Role]) -> None:
    assert [role for role in ROLES if ACCESS.allows(f"Bearer {token}", role)] == may


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {SCORE}", f"bearer  {SCORE} ", f"Splunk {SCORE}", basic(SCORE), basic(SCORE, ""), f"ApiKey {SCORE}",
        "ApiKey " + b64encode(f"id:{SCORE}".encode()).decode(),
    ],
)  # fmt: skip
def test_every_spelling_of_a_token_is_read(header: str) -> None:
    assert ACCESS.role_of(header) == "score"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", SCORE, f"Digest {SCORE}", f"Bearer {SCORE}x", f"Bearer {SCORE[:-1]}", "Basic é", "ApiKey é"],
)
def test_an_unknown_token_has_no_role(header: str | None) -> None:
    assert ACCESS.role_of(header) is None
    assert ACCESS.allows(header, "read") is None


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_is_too_strange_and_none_is_let_in(header: str) -> None:
    assert ACCESS.role_of(header) is None


def test_a_token_beyond_ascii_is_compared_as_the_bytes_that_were_sent() -> None:
    token = "schlüssel-0123456789"
    assert Access({token: "read"}).role_of("Bearer " + token.encode().decode("latin-1")) == "read"


def test_each_token_is_compared_in_constant_time_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    real = hmac.compare_digest

    def noted(known: bytes, given_: bytes) -> bool:
        compared.append(known)
        return real(known, given_)

    monkeypatch.setattr("logsentry.server.access.hmac.compare_digest", noted)
    assert ACCESS.role_of(f"Bearer {READ}") == "read"
    assert compared == [READ.encode(), SCORE.encode(), ADMIN.encode()]


def test_without_tokens_everybody_who_can_connect_is_admin() -> None:
    assert Access({}).allows(None, "admin")


def tokens(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_tokens_come_from_a_file_and_from_the_environment(tmp_path: Path) -> None:
    access = read_tokens(tokens(tmp_path, f"# ours\n\nread {READ}\n"), {"LOGSENTRY_ADMIN_TOKEN": ADMIN})
    assert (access.role_of(f"Bearer {READ}"), access.role_of(f"Bearer {ADMIN}")) == ("read", "admin")
    assert read_tokens(None, {}).open


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UsageError, match="chmod 600"):
        read_tokens(tokens(tmp_path, f"read {READ}\n", mode), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"reader {READ}", "line 1: write `role token`"),
        (f"read {READ}\nread", "line 2: write"),
        (f"read {READ} more", "line 1: write"),
        (f"read {READ}\nadmin {READ}", "line 2: this token stands there before"),
        ("read short", "fewer than 16 characters"),
        ("# nothing\n", "holds no token"),
    ],
)
def test_a_file_that_is_wrong_is_said_without_its_tokens(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_tokens(tokens(tmp_path, text), {})
    assert READ not in str(caught.value)
    assert "short" not in str(caught.value)


def test_a_file_that_is_missing_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_tokens(tmp_path / "none", {})
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "bytes").chmod(0o600)
    with pytest.raises(UsageError, match="not UTF-8"):
        read_tokens(tmp_path / "bytes", {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_a_server_that_is_open_to_others_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="other machines could use this server"):
        refuse_open(host, Access({}), mutual=False)
    refuse_open(host, Access({}), mutual=True)
    refuse_open(host, ACCESS, mutual=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_may_be_open(host: str) -> None:
    refuse_open(host, Access({}), mutual=False)
