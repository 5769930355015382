"""Where one syslog message of a TCP stream ends and the next begins (RFC 6587), told for each message by how it begins.

`LENGTH SP <…` is counted in octets (section 3.4.1; TLS always, RFC 5425 section 4.3); anything else ends at a newline (section 3.4.2).
A count is one only before the `<` that every syslog message begins with, so a bare line may begin with a number. What a message means
is left to `messages.py`.
"""

from __future__ import annotations

import re

LONGEST = 256 << 10
"""Bytes of one message. RFC 5424 section 6.1 asks for 480 and lets a receiver cut what is longer."""

_COUNT = re.compile(rb"([1-9]\d{0,6}) <")
_PERHAPS = re.compile(rb"[1-9]\d{0,6} ?")
"""What `_COUNT` may become yet."""

_FEWEST = 9
"""Bytes that `_COUNT` has at most."""


class Framing:
    """The messages of one connection, without their counts and newlines. Never holds much more than `longest` and what was fed last.

    A message that is longer is given out as its first `longest` bytes, and the rest of it passes unseen: `cut` counts those.
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._held = bytearray()
        self._searched = 0
        self._drop = 0
        self._drop_line = False
        self.cut = 0

    @property
    def inside(self) -> bool:
        """Whether a message has begun that is not whole."""
        return bool(self._held) or self._drop > 0 or self._drop_line

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now."""
        self._held += data
        found: list[bytes] = []
        at = 0
        while at < len(self._held):
            step = self._step(at)
            if step is None:
                break
            message, at = step
            if message:
                found.append(message)
        del self._held[:at]
        self._searched = max(0, self._searched - at)
        return found

    def end(self) -> bytes:
        """The stream ended in order: the last line, where its newline is missing. Half a counted message is nothing, and `inside` then."""
        if self._drop or self._drop_line or _COUNT.match(self._held):
            return b""
        line = bytes(self._held)
        self._held.clear()
        return line.rstrip(b"\r\n\0")

    def _step(self, at: int) -> tuple[bytes, int] | None:
        """(a message or nothing, where to go on); None where more has to come first."""
        if self._drop or self._drop_line:
            return b"", self._dropped(at)
        count = _COUNT.match(self._held, at)
        if count is not None:
            return self._counted(count.end() - 1, int(count[1]))
        if len(self._held) - at < _FEWEST and _PERHAPS.fullmatch(self._held, at):
            return None
        return self._line(at)

    def _dropped(self, at: int) -> int:
        if self._drop_line:
            end = self._held.find(b"\n", at)
            self._drop_line = end < 0
            return len(self._held) if end < 0 else end + 1
        passed = min(self._drop, len(self._held) - at)
        self._drop -= passed
        return at + passed

    def _counted(self, start: int, length: int) -> tuple[bytes, int] | None:
        behind = start + min(length, self._longest)
        if len(self._held) < behind:
            return None
        if length > self._longest:
            self.cut += 1
            self._drop = length - self._longest
        return bytes(self._held[start:behind]).rstrip(b"\r\n\0"), behind  # some senders count a newline in

    def _line(self, at: int) -> tuple[bytes, int] | None:
        end = self._held.find(b"\n", max(at, self._searched))
        if end < 0:
            self._searched = len(self._held)
        if (end if end >= 0 else len(self._held)) - at > self._longest:
            self.cut += 1
            self._drop_line = True
            return bytes(self._held[at : at + self._longest]), at + self._longest
        return None if end < 0 else (bytes(self._held[at:end]).rstrip(b"\r\0"), end + 1)
