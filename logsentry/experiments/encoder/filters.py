"""The experiment `filters`: which kinds of tokens are kept."""

from __future__ import annotations

from logsentry.experiments.encoder import fitting
from logsentry.experiments.encoder.asking import Fit, Kept, Method, View
from logsentry.experiments.encoder.claims import Claim
from logsentry.experiments.encoder.grid import Factor
from logsentry.experiments.encoder.study import study
from logsentry.experiments.plan import Plan
from logsentry.sdk import Progress

LEVELS: dict[str, Kept] = {
    "all": "all",
    "API names": "names",
    "API names and returned values": "names and returned",
    "returned values": "returned",
    "files, registry and network": "neither",
}
FACTOR = Factor(
    name="filters",
    question="Which parts of a report should be kept?",
    levels=tuple(Method(name, view=View(keep=keep)) for name, keep in LEVELS.items()),
    claims=(
        Claim("API names alone are far below all kept fields (0.110 against 0.514).", "all", "API names"),
        Claim("calls without files, registry and network are not worse (0.524 against 0.514, with arguments).", "all",
              "API names and returned values", "="),
    ),
    caution=(
        "The staged rows were filtered by their authors, so the unfiltered report that does worst in the published table (0.016) cannot "
        "be tried; they hold no arguments. Which part a token came from is told "
        "by its look. A report that nothing is left of is one unknown token."
    ),
    each_baseline=True,
)  # fmt: skip


def run(plan: Plan, trial: object, progress: Progress, fit: Fit = fitting.fit) -> str:
    """Answers the page; `trial` is for the other experiments."""
    return study(FACTOR, plan, progress, fit)
