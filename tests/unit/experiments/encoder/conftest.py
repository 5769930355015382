"""Token rows small enough for a moment, in the layout of the staged files: malware calls what benign programs do not."""

from __future__ import annotations

import hashlib
import json
import lzma
import random
from pathlib import Path

import pytest

from logsentry.experiments.encoder.reports_data import Corpus, read

WORDS = ["<pad>", "<unk>", "<mask>", "<ret_val>", "0x1", "kernel32.getprocaddress", "kernel32.sleep", "user32.showwindow",
         "kernel32.writeprocessmemory", "temp", "evil.exe", "apis", "0x0"]  # fmt: skip
FAMILIES = {0: ["clean"], 1: ["trojan", "rat"]}


def row(draw: random.Random, y: int, number: int, split: str) -> dict[str, object]:
    calls = [5, 6, 7] if not y else [5, 6, 8]
    ids = [11] + [token for _ in range(draw.randrange(2, 8)) for token in (draw.choice(calls), draw.choice((3, 4, 12)))]
    if draw.random() < 0.05:
        ids = [11, 6, 3]  # both labels share this one
    if split == "test" and y and draw.random() < 0.3:
        ids += [9, 10]
    seq = hashlib.md5(str(ids).encode()).hexdigest()[:16]
    return {"row": number, "split": split, "label": draw.choice(FAMILIES[y]), "y": y, "seq": seq, "ids": ids}


@pytest.fixture(scope="session")
def token_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, draw = tmp_path_factory.mktemp("tokens"), random.Random(3)
    train = [row(draw, draw.randrange(2), number, "train") for number in range(400)]
    train += [{**train[0], "row": 400 + number, "only_ordinal_100": True} for number in range(10)]
    known = {one["seq"] for one in train}
    test = [row(draw, draw.randrange(2), number, "test") for number in range(200)]
    test = [{**one, "seq_in_train": one["seq"] in known} for one in test]
    for name, rows in (("train", train), ("test_dev", test)):
        with lzma.open(folder / f"{name}.jsonl.xz", "wt") as file:
            file.writelines(json.dumps(one) + "\n" for one in rows)
    (folder / "vocab1500.json").write_text(json.dumps(WORDS))
    return folder


@pytest.fixture(scope="session")
def corpus(token_folder: Path) -> Corpus:
    return read(token_folder)
