"""A vector for each key, so that keys with like templates begin alike: from a file, or from the words of the templates.

LogAnomaly (Meng et al., IJCAI 2019, section 3.2) trains `template2vec` with synonyms and antonyms of WordNet. That needs a lexicon and
a corpus which are not here; the vectors of words here are drawn at random from a digest of the word, so templates are alike as far
as they share words, and no further.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from logsentry.errors import UsageError

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""Letters only, cut where camel case begins a word: `addStoredBlock` is three words; numbers and placeholders' signs are none."""


def of_texts(texts: Sequence[str], width: int) -> Tensor:
    """[len(texts), width], the text of each id; a word weighs less the more texts have it (inverse document frequency)."""
    words = [Counter(word.lower() for word in WORD.findall(text)) for text in texts]
    having = Counter(word for counted in words for word in counted)
    rows = [
        sum((n * math.log1p(len(texts) / having[word]) * of_word(word, width) for word, n in counted.items()), np.zeros(width))
        for counted in words
    ]
    return scaled(np.stack(rows))


def of_word(word: str, width: int) -> np.ndarray:
    """[width] of standard normal numbers, the same for the same word on every machine."""
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).standard_normal(width)


def of_file(path: str, first_id: int, keys: int) -> Tensor:
    """[keys, width] from a JSON object of equally long lists; the list named "0" belongs to the id `first_id`, "1" to the next.

    Ids that the file leaves out get zeros. Raises `UsageError` where the file is not such an object, or names ids beyond `keys`
    (one is let pass at the end, for a list that stands for "no key").
    """
    try:
        lists = msgspec.json.decode(Path(path).read_bytes(), type=dict[int, list[float]])
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"vectors: {path} is not a JSON object of numbered lists of numbers: {error}") from error
    if len({len(values) for values in lists.values()}) != 1 or min(map(len, lists.values())) == 0:
        raise UsageError(f"vectors: the lists in {path} must be there and have one length above 0")
    table = np.zeros((keys, len(next(iter(lists.values())))))
    for number, values in lists.items():
        if not 0 <= first_id + number <= keys:
            raise UsageError(f"vectors: {path} has a list {number!r}, but with first_id {first_id} ids end at {keys - 1}")
        if first_id + number < keys:
            table[first_id + number] = values
    return scaled(table)


def scaled(rows: np.ndarray) -> Tensor:
    """What all rows have in common taken off, and the rest to a mean square of 1; rows of zeros stay zeros."""
    there = np.abs(rows).max(axis=1) > 0
    rows = np.where(there[:, None], rows - rows[there].mean(axis=0), 0.0) if there.any() else rows
    return torch.from_numpy(rows / max(float(np.sqrt(np.square(rows[there]).mean())) if there.any() else 0.0, 1e-9)).float()
