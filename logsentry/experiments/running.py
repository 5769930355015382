"""Runs one experiment by its name, with the trials of this package."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from logsentry.experiments import EXPERIMENTS
from logsentry.experiments.plan import Plan, need_extra
from logsentry.sdk import Progress


def run(name: str, plan: Plan, progress: Progress) -> Path:
    """Answers where the page is. Raises `MissingExtra`, and `InputError` where the data are not there."""
    need_extra()
    from logsentry.experiments.trial import trial  # torch, onnxruntime and scikit-learn

    module, _, function = EXPERIMENTS[name].partition(":")
    getattr(import_module(module), function)(plan, trial, progress)
    folder = "encoder" if ".encoder." in module else ""
    return plan.out / folder / name / "README.md"
