"""The encoder classifier from labelled rows to scores, through the commands alone."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from logsentry.cli import main

SMALL = (
    "width=16",
    "heads=2",
    "layers=1",
    "chunk=8",
    "max_length=32",
    "max_steps=150",
    "batch=16",
    "head=8",
    "fp16=false",
    "int8=false",
)


def rows(path: Path, count: int, seed: int, labelled: bool) -> list[int]:
    """Malicious rows hold the token 40; answers the labels."""
    draw, labels = random.Random(seed), []
    with path.open("w") as file:
        for _ in range(count):
            label = draw.randrange(2)
            ids = [draw.randrange(3, 40) for _ in range(draw.randrange(5, 30))] + [40] * (2 * label)
            file.write(json.dumps({"ids": ids, **({"y": label} if labelled else {})}) + "\n")
            labels.append(label)
    return labels


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(main.root, ["--quiet", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_rows_of_token_ids_give_one_score_line_each_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows(tmp_path / "train.jsonl", 600, 1, labelled=True)
    labels = rows(tmp_path / "new.jsonl", 60, 2, labelled=False)
    settings = [part for setting in SMALL for part in ("--set", setting)]
    asked = (
        "train",
        "--source",
        "speakeasy-tokens",
        "--detector",
        "encoder",
        "train.jsonl",
        "--store",
        "models",
        "--name",
        "tokens",
    )
    code, reference, said = run(*asked, *settings)
    assert code == 0, said
    assert reference.startswith("tokens@")
    code, out, said = run("score", "--bundle", "models/tokens", "--source", "speakeasy-tokens", "new.jsonl")
    assert code == 0, said
    scores = [json.loads(line) for line in out.splitlines()]
    assert len(scores) == len(labels)
    malicious = [score["value"] for score, label in zip(scores, labels, strict=True) if label]
    benign = [score["value"] for score, label in zip(scores, labels, strict=True) if not label]
    assert sum(malicious) / len(malicious) > sum(benign) / len(benign)
    assert sum(m > b for m in malicious for b in benign) > 0.8 * len(malicious) * len(benign)


def test_what_a_classifier_lacks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, said = run("train", "--source", "speakeasy-tokens", "--detector", "encoder")
    assert (code, "nothing to learn from" in said) == (2, True)
    rows(tmp_path / "new.jsonl", 60, 2, labelled=False)
    code, _, said = run("train", "--source", "speakeasy-tokens", "--detector", "encoder", "new.jsonl", "--store", "models")
    assert (code, "give y 0 or 1" in said) == (1, True)
    code, _, said = run(
        "train", "--source", "speakeasy-tokens", "--detector", "pca", "--benign", "new.jsonl", "--store", "models"
    )
    assert (code, "learns from ordinary logs alone" in said) == (2, True)


def test_an_encoder_and_a_bag_learn_and_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows(tmp_path / "train.jsonl", 600, 1, labelled=True)
    labels = rows(tmp_path / "new.jsonl", 60, 2, labelled=False)
    small = (
        "width=16",
        "heads=2",
        "max_length=32",
        "epochs=2",
        "bag_epochs=6",
        "bag_width=8",
        "head=8",
        "fp16=false",
        "buckets=4096",
    )
    settings = [part for setting in small for part in ("--set", setting)]
    asked = ("--source", "speakeasy-tokens", "--detector", "encoder-bag", "train.jsonl", "--store", "models", "--name", "both")
    code, _, told = run("train", *asked, *settings)
    assert code == 0, told
    code, out, told = run("score", "--bundle", "models/both", "--precision", "int8", "new.jsonl")
    assert code == 0, told
    values = [json.loads(line)["value"] for line in out.splitlines()]
    malicious, benign = ([value for value, label in zip(values, labels, strict=True) if label == wanted] for wanted in (1, 0))
    assert sum(malicious) / len(malicious) > sum(benign) / len(benign) + 1
