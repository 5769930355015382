"""Errors, named by what the caller does next.

Every error that leaves the package is one of these, and its text is one sentence a person can act on. The command line
maps each to its exit code (`exit_code`), so that a cron job can tell a bad option from a bad file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logsentry.schema.event import Event


class LogsentryError(Exception):
    """Anything this package reports on purpose; exit code 1 unless a subclass says otherwise."""

    exit_code = 1


class UsageError(LogsentryError):
    """Type the command again: an option, a name or a configuration value is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """Fix the configuration file: the text names the file, the line and the nearest known name."""


class Conflict(UsageError):
    """Remove or rename one plugin: two distributions offer the same kind and name."""


class InputError(LogsentryError):
    """Look at the input: a file is missing, unreadable, cut off or not what it was said to be."""


class BadRecord(LogsentryError):
    """Dead-letter this one record and go on; the reason is the text.

    `events` are those that could be read all the same, where only a part of the record is damaged: they are scored, and the record
    is in the dead letters for the rest.
    """

    def __init__(self, reason: str, events: Sequence[Event] = ()) -> None:
        super().__init__(reason)
        self.events = tuple(events)


class BundleRefused(LogsentryError):
    """Get the bundle again: it is damaged, unsafe, from another source, or answers differently than it was trained to."""


class TrainingError(LogsentryError):
    """Give more or other data: the detector cannot be fitted or calibrated on what was read."""


class Unavailable(LogsentryError):
    """Try again later: something outside did not answer."""


class ContractBroken(LogsentryError):
    """Report a defect to the plugin's author; the text names the distribution and its version."""


class MissingExtra(UsageError):
    """Install an optional part, for instance `pip install 'logsentry[train]'`."""
