"""What a classifier read of one window, drawn: a strip of tokens coloured by what each carries, and a map of where tokens look.

The two say different things on purpose. The strip is faithful: it tells by how much the score falls without a token. The map is
attention, which is easy to read and proves nothing; it stands beside the strip, with the strip's colours above its columns.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from struct import pack
from zlib import compress, crc32

import msgspec
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from logsentry.reports.wording import number

PAPER, INK, FOR, AGAINST = (255, 255, 255), (12, 44, 92), (179, 38, 30), (47, 99, 163)
"""Colours: of a map without and with attention, of tokens that raise the score, and of those that lower it."""

BAND = 3
"""Rows of dots above a map that repeat the strip, and one between."""
NAMED = 5


class TokenPicture(msgspec.Struct, frozen=True):
    """`drops[i]` is by how much the logit falls without the token at place i (all of its occurrences), 0 where that was not tried.

    `looks[i][j]` says how much the token at place `near[i]` looks at that at `near[j]`; empty where the model does not tell.
    """

    logit: float
    tokens: tuple[str, ...]
    drops: tuple[float, ...]
    near: tuple[int, ...] = ()
    looks: tuple[tuple[float, ...], ...] = ()

    @property
    def most(self) -> float:
        return max((abs(drop) for drop in self.drops), default=0.0) or 1.0


class Cell(msgspec.Struct, frozen=True):
    """One token; `step` is 0 to 9 where 9 is the strongest of its window, `side` what it speaks for: `for` malice, or `against`."""

    text: str
    side: str
    step: int
    title: str


class Drawn(msgspec.Struct, frozen=True):
    """`near` are the tokens of the map, `cells` all; `map` is a picture to be put into an `img`, empty where there is none."""

    near: list[Cell]
    cells: list[Cell]
    where: str
    map: Markup
    size: int
    looked: list[tuple[str, str]]


def drawn(picture: TokenPicture) -> Drawn:
    """Everything that the page shows of one window."""
    cells = [cell(picture, place) for place in range(len(picture.tokens))]
    size = len(picture.looks)
    near = [cells[place] for place in picture.near] if size else cells
    return Drawn(near, cells, where(picture), heat(picture) if size else Markup(), size, looked_at(picture))


def where(picture: TokenPicture) -> str:
    """Which tokens are near, in words; empty where they are all."""
    if not picture.looks or len(picture.near) == len(picture.tokens):
        return ""
    first, last = picture.near[0] + 1, picture.near[-1] + 1
    among = "" if last - first + 1 == len(picture.near) else " that the model attends to"
    return f"the {len(picture.near)} tokens from place {first} to {last}{among}, where most of it lies"


def cell(picture: TokenPicture, place: int) -> Cell:
    drop = picture.drops[place]
    step = round(9 * abs(drop) / picture.most)
    side = "" if not step else "for" if drop > 0 else "against"
    title = f"place {place + 1}: without this token the score's logit is {number(picture.logit - drop)}"
    return Cell(picture.tokens[place], side, step, title)


def looked_at(picture: TokenPicture) -> list[tuple[str, str]]:
    """The tokens that are looked at most, and their share of all attention; equal tokens together."""
    if not picture.looks:
        return []
    names = [picture.tokens[place] for place in picture.near]
    shares: dict[str, float] = {}
    for name, share in zip(names, np.array(picture.looks).mean(axis=0).tolist(), strict=True):
        shares[name] = shares.get(name, 0.0) + share
    ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return [(name, f"{share:.0%}") for name, share in ordered[:NAMED]]


def heat(picture: TokenPicture) -> Markup:
    """The map as a PNG in a `data:` address; a dot a pair of tokens.

    White is the least attention and ink the most, but for one dot in a hundred on either end: attention is often nearly even.
    """
    looks = np.array(picture.looks)
    low, high = np.quantile(looks, [0.01, 0.99])
    dots = mixed(np.clip((looks - low) / max(high - low, 1e-12), 0.0, 1.0), INK)
    drops = np.array([picture.drops[place] for place in picture.near]) / picture.most
    band = np.where((drops > 0)[:, None], mixed(np.abs(drops), FOR), mixed(np.abs(drops), AGAINST))  # [tokens, 3]
    above = np.concatenate([np.repeat(band[None], BAND, axis=0), np.full((1, len(looks), 3), PAPER[0])])
    return Markup(f"data:image/png;base64,{b64encode(png(np.concatenate([above, dots]).astype(np.uint8))).decode()}")


def mixed(share: NDArray[np.float64], colour: Sequence[int]) -> NDArray[np.float64]:
    """From paper (0) to the colour (1): shares `[...]` to red, green and blue `[..., 3]`."""
    made: NDArray[np.float64] = np.rint(np.array(PAPER) + share[..., None] * (np.array(colour) - np.array(PAPER)))
    return made


def png(dots: NDArray[np.uint8]) -> bytes:
    """Red, green and blue `[height, width, 3]` as a PNG (W3C PNG, third edition, section 5): eight bits a sample, no filter."""
    height, width, _ = dots.shape
    rows = b"".join(b"\0" + row.tobytes() for row in dots)
    parts = ((b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", compress(rows, 9)), (b"IEND", b""))
    chunks = (pack(">I", len(data)) + name + data + pack(">I", crc32(name + data)) for name, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
