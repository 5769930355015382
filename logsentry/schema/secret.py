"""A value that never prints itself, and where it is read from."""

from __future__ import annotations

from typing import Any, NoReturn

MAX_BYTES = 64 << 10
HIDDEN = "***"


class Secret:
    """A password, token or key. `str`, `repr`, formatting and JSON never show it; `reveal()` is the one way to it.

    In a configuration it is text (best as `${VAR}`) or `file:/path`, whose content counts without its last newline.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Secret({HIDDEN!r})"

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def given(text: Any) -> Secret:
    """The secret that a configuration names; raises `ValueError`, never with the secret in its text."""
    if not isinstance(text, str):
        raise ValueError("should be text, or file:/path")
    return Secret(_content(text.removeprefix("file:")) if text.startswith("file:") else text)


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read from {path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ValueError(f"cannot be read from {path}: it is larger than {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"cannot be read from {path}: it is not UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")
