"""What a user may say of the input `files`."""

from __future__ import annotations

import msgspec

from logsentry.sdk import Framing, UsageError


class FilesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`paths` are read in the order given, each pattern's matches sorted by name; `-` is stdin, `**` crosses folders.

    `framing` is how files are cut into records; a source sets it.

    Of a record longer than `max_record_bytes` only so many bytes are kept. An archive that unpacks to more than `max_ratio`
    times its size is refused (gzip itself ends at 1,032).
    """

    paths: list[str]
    framing: Framing = "lines"
    max_record_bytes: int = 16 << 20
    max_ratio: float = 500.0

    def check(self) -> None:
        """Raises `UsageError` where there is nothing to read."""
        if not self.paths:
            raise UsageError("files: name at least one path, pattern or -")
        if self.max_record_bytes < 1:
            raise UsageError("files: max_record_bytes must be at least 1")
