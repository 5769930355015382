"""Makes the bundle `speakeasy-encoder`, which the package ships, of the staged token rows.

    python -m logsentry.experiments.encoder.shipped STORE

The same rows, packages and number of threads give the same files. It takes about three minutes of one core. What such a training is worth
on three folds and on the later test set is in `results/encoder`.
"""

from __future__ import annotations

import lzma
import sys
import tempfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from logsentry.experiments.encoder.reports_data import Corpus, read
from logsentry.experiments.hdfs_data import staged
from logsentry.pipeline.labelled import LabelledPlan, train_labelled
from logsentry.store.bundles import Store
from logsentry.text.token_keys import TokenConfig

NAME, FIT_SHARE, SEED = "speakeasy-encoder", 0.9, 1
DATA = (
    "76,126 reports of 32-bit Windows programs emulated with Speakeasy until 2022, as token ids (no arguments): the training set of "
    "Trizna et al. from https://github.com/dtrizna/nebula (data/data_filtered, version of December 2022), without the reports whose only "
    "call is MSVBVM60.ordinal_100. They are 7,140 distinct ones. A tenth of the distinct contents is held back for thresholds and figures. "
    "On the authors' later test set the same training does worse than these figures say: results/encoder in the repository"
)
LICENCE = (
    "The token rows and the vocabulary are of the repository dtrizna/nebula under the MIT licence, which allows passing on what is made of "
    "them with its notice. The weights are under the licence of this package."
)


def returned_values(corpus: Corpus) -> tuple[str, ...]:
    """The values that the authors kept: words in hexadecimal that come after another word in training."""
    following = {two for ids in corpus.train.ids for two in ids[1:]}
    return tuple(sorted(word for one in following if (word := corpus.words[one]).startswith(("0x", "-0x"))))


def learned_lines(lines: Iterable[bytes]) -> Iterable[bytes]:
    """Rows without the stalled ones, with ids and label alone."""
    for line in lines:
        row = msgspec.json.decode(line)
        if not row["only_ordinal_100"]:
            yield msgspec.json.encode({"ids": row["ids"], "y": row["y"]}) + b"\n"


def plan(corpus: Corpus, rows: Path, text: Any) -> LabelledPlan:
    kept = msgspec.to_builtins(msgspec.structs.replace(text, returned=returned_values(corpus)))
    tokens = TokenConfig(names=corpus.words, reads="speakeasy", source_options={"text": kept})
    return LabelledPlan(
        "speakeasy-tokens",
        "encoder-bag",
        rows=(str(rows),),
        options={"fp16": False},
        tokens=tokens,
        seed=SEED,
        fit_share=FIT_SHARE,
        data=DATA,
        licence=LICENCE,
    )


def main(store: Path) -> int:
    text = import_module("logsentry_speakeasy.profile").TEXT_2022  # the plugin knows how the corpus was made

    def progress(done: int, total: int, note: str) -> None:
        print(f"{done}/{total} {note}", end="\r", file=sys.stderr)

    corpus = read()
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "train.jsonl")
        with lzma.open(staged() / "speakeasy" / "tokens" / "train.jsonl.xz") as file:
            rows.write_bytes(b"".join(learned_lines(file)))
        made = train_labelled(plan(corpus, rows, text), Store(store), NAME, progress)
    print("\n".join(made.sentences()))
    print(store / "bundles" / made.bundle.digest)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
