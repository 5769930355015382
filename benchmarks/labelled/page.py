"""The page of `results/encoder/sources`: a table a source, what its reasons named, and how little that proves."""

from __future__ import annotations

from collections.abc import Sequence

from labelled.rows import ALL, Row
from logsentry.experiments.table import markdown

OPENING = """# Classifiers on Sysmon, auditd and Kubernetes audit events, with something left out

What `python benchmarks/classifier_sources.py` writes. Each detector learns from files of either label as `logsentry train`
does, and scores as `logsentry score` does what it has never seen: another tool, another laboratory, another author's requests.
**None of these sets can say how well a classifier does in production**: benign events are a laboratory's background or other
people's test lines, and the labels are made or borrowed as each section says. They show that the path works, and what such a
classifier learns when it is fed so.

## How this was measured

- Thresholds: from held-back benign windows of the training files alone (split conformal), so that at most the stated share of
  them may alert.
- *Asked* are new windows only: one that says what a learned or held-back one says is left out, and counted as a repeat.
- *Own AUC* is what the training itself told: on the part of its own files that it held back. The AUC beside it is on what was
  left out. What lies between them is what a random split would have hidden.
- Intervals: 95 % of 1,000 bootstrap samples of what stands or falls together (recordings, processes, rules, traces), not of
  windows. Seeds are averaged. Few groups make intervals that are themselves uncertain.
- Rivals read the same words: TF-IDF of one to three tokens with logistic regression, and the counted values of one field alone.
- A reading *without* some fields is the same training with a profile that lacks them: what is left if the tell-tale cannot be
  read.
"""

ABOUT = {
    "sysmon": """Data: 52 of the 54 staged recordings of OTRF Security-Datasets (MIT) and one long campaign of a third
laboratory. A window is what one process did. OTRF labels recordings, and not events, so labels are made here by a rule:
processes of the shells and agents that the recordings were driven from, and what these started, are the attacker's; whatever
else ran is background. Most of the attacker's windows thereby have a program's name that background never has, which the rival
that counts `process.executable` shows: where it does as well, nothing but names was needed. Started through WMI or DCOM, or
injected into, counts as background though it is not.

The row after *whole recordings and a calm machine* takes labels as they come: each recording whole is malicious, and one other
machine's log (358 events) is benign. It is then asked about processes of other recordings, the attacker's against the
background. Where both sides alert alike, what was learned is the laboratory.""",
    "auditd": """Data: 13 events of what followed two break-ins (CrowdSec, MIT), a reverse shell and ordinary lines of other
projects' tests (beats and go-libaudit Apache-2.0; audit-userspace, laurel and Wazuh GPL, which are read where they are staged
and not shipped), and what Wazuh's rules call an alarm or not. Asked is one recorded Log4Shell break-in (OTRF, MIT) of 50 events
on one host: what the exploited Java process started against what a monitoring agent did. Each event is judged by itself. The
label of what is asked is told by the user id alone, as it happens; of what is learned, mostly by the type of the record. That
is not enough to train on, and the figures say so.""",
    "kube-audit": """Data: Panther's rule tests (Apache-2.0), mostly written by hand, where *malicious* means that the tested
rule should fire and *benign* that it should not, which says nothing of any other rule; Falco's traces of a real API server
(Apache-2.0), malicious where a rule of level NOTICE or worse fires; and audit2rbac's demo log (Apache-2.0) as ordinary
administration. Each request is judged by itself. Who wrote the tests named the users `attacker`, `malicious-user` and
`compromised-user`, so that a name can tell the label: see the words below, and the reading without names. Some of Panther's
rules look at what the profile does not keep (node ports, images, hosts of ingresses), and no detector here can tell those.""",
}
SEEDS, SECONDS = 3, 30
"""What `classifier_sources.py` does where it is told nothing else."""
TITLES = {"sysmon": "Sysmon", "auditd": "Linux auditd", "kube-audit": "Kubernetes audit"}
COLUMNS = ("left out", "reading", "detector", "seeds", "own AUC", "AUC", "less TF-IDF", "alerts, benign %", "alerts, malicious %")


def page(rows: Sequence[Row]) -> str:
    """Of all rows that there are, sources in the order of `TITLES`."""
    parts = [OPENING, short(rows)]
    for source, title in TITLES.items():
        own = [row for row in rows if row.source == source]
        if own:
            parts += [
                f"## {title}",
                ABOUT[source],
                markdown(COLUMNS, [_cells(row) for row in own]),
                left_out(own),
                asked(own),
                words(own),
            ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def short(rows: Sequence[Row]) -> str:
    """What a reader must know of a run with less than the script's own seeds and time."""
    fitted = [row for row in rows if row.own_auc == row.own_auc]
    if not fitted or (min(row.seeds for row in fitted) >= SEEDS and min(row.seconds for row in fitted) >= SECONDS):
        return ""
    seeds, seconds = ({getattr(row, name) for row in fitted} for name in ("seeds", "seconds"))
    return (
        f"**A short look**: {_range(seeds)} of the {SEEDS} seeds and {_range(seconds)} of the {SECONDS} seconds a fit that the "
        "script asks for by itself, and not every question of it. The figures say which way things lie, no more."
    )


def _range(numbers: set[float]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _named(row: Row) -> str:
    return row.reading if row.reading == ALL else "without them"


def left_out(rows: Sequence[Row]) -> str:
    """Which fields a source's bare reading lacks."""
    return next((f"*Without them* is {row.reading}." for row in rows if row.reading != ALL), "")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.left_out,
        _named(row),
        row.detector,
        "–" if row.own_auc != row.own_auc else str(row.seeds),
        "–" if row.own_auc != row.own_auc else f"{row.own_auc:.3f}",
        f"{row.auc:.3f} ({row.auc_low:.2f}–{row.auc_high:.2f})",
        "–" if "TF-IDF" in row.detector else f"{row.over_tfidf:+.3f} ({row.over_tfidf_low:+.2f} to {row.over_tfidf_high:+.2f})",
        _share(row.benign_alerts, row.benign_alerts_low, row.benign_alerts_high),
        _share(row.malicious_alerts, row.malicious_alerts_low, row.malicious_alerts_high),
    )


def _share(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} ({100 * low:.0f}–{100 * high:.0f})"


def asked(rows: Sequence[Row]) -> str:
    """How much each question is about; the same for all detectors of one reading."""
    return "\n".join(_asked(row) for row in {(row.left_out, row.reading): row for row in rows}.values())


def _asked(row: Row) -> str:
    return (
        f"- {row.left_out}, {_named(row)}: learned from {row.learned_benign:,} benign and {row.learned_malicious:,} malicious "
        f"windows, threshold from {row.held_back_benign:,} benign ones for {row.budget:.0%} of them; asked about {row.benign:,} "
        f"benign and {row.malicious:,} malicious ones in {row.groups} groups ({row.repeats_benign:,} and "
        f"{row.repeats_malicious:,} repeats left out). At most {row.seconds:g} s of one processor a fit."
    )


HEAD = "What reasons named, and in what share of the alerts on malicious windows that were explained (30 at most):"


def words(rows: Sequence[Row]) -> str:
    """What reasons for alerts on malicious windows named: pieces of words as the vocabulary has them."""
    told = [f"- {row.left_out}, {_named(row)}, {row.detector}: {row.words}" for row in rows if row.words]
    return "\n".join([HEAD, *told]) if told else ""
