"""What the parts of the setup are called, for all namespaces or for one of them.

A namespace that is set up for itself has templates of its own, above the common ones, so that it may keep its scores for another time.
"""

from __future__ import annotations

import re

import msgspec

from logsentry.sdk import UsageError

STREAMS = ("scores", "alerts")
COMMON_PRIORITY = 250
"""Above Elastic's own templates for `logs-*-*` (100) and those of its integrations (200), so that ours is the one that counts.

https://www.elastic.co/guide/en/elasticsearch/reference/8.19/index-templates.html and the Fleet guide name both figures.
"""

_NAMESPACE = re.compile(r"[a-z0-9_.]{1,100}")


class Names(msgspec.Struct, frozen=True):
    """Names for the data streams of `namespace`, or of every namespace where that is empty."""

    namespace: str = ""

    def __post_init__(self) -> None:
        """Raises `UsageError` for what data streams do not allow: upper case, `-`, and more than 100 characters."""
        if self.namespace and not _NAMESPACE.fullmatch(self.namespace):
            raise UsageError(
                f"{self.namespace!r} cannot be a namespace; use up to 100 of the letters a to z, figures, dots and underscores"
            )

    @property
    def priority(self) -> int:
        return COMMON_PRIORITY + 10 if self.namespace else COMMON_PRIORITY

    @property
    def streams(self) -> list[str]:
        """Patterns of all streams."""
        return [self.stream(kind) for kind in STREAMS]

    @property
    def policy(self) -> str:
        return f"logsentry-{self.namespace}" if self.namespace else "logsentry"

    def stream(self, kind: str) -> str:
        return f"logs-logsentry.{kind}-{self.namespace or '*'}"

    def template(self, kind: str) -> str:
        return f"logs-logsentry.{kind}" + (f"-{self.namespace}" if self.namespace else "")

    def part(self, part: str) -> str:
        """`part` is `mappings`, `settings`, `pipeline` or `custom`, as Elastic names its own (`logs@mappings`)."""
        return f"{self.policy}@{part}"

    def role(self, who: str) -> str:
        return f"logsentry_{who}" + (f"_{self.namespace}" if self.namespace else "")
