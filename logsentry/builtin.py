"""The detectors that come with the package, offered through the same door as everybody's."""

from __future__ import annotations

from logsentry.hookspecs import Register, hookimpl


@hookimpl
def register_detectors(register: Register) -> None:
    register("logbert-ensemble", "logsentry.learn.ensemble:LogBertEnsemble")
