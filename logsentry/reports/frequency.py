"""How often each token came, by rank, on two logarithmic axes: an SVG for a model card and the report page.

Natural text lies near a falling straight line there (Zipf 1935); a knee shows ids that a vocabulary hardly needs, and a flat end those
that came once.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log10

from logsentry.text.coverage import Rank

FILE = "frequency.svg"
"""Its name in a bundle."""

WIDTH, HEIGHT = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 90, 20, 20, 50
LINE, SOFT, GRID = "#0072b2", "#59616b", "#dcdcd6"


def frequency_svg(ranks: Sequence[Rank], tokens: int) -> str:
    """The picture of points that `text.coverage.ranks` chose of `tokens` different ones; the same points give the same text."""
    across, up = max(1, ceil(log10(max(tokens, 1)) - 1e-9)), max(1, ceil(log10(max((r.times for r in ranks), default=1)) - 1e-9))

    def place(rank: float, times: float) -> tuple[float, float]:
        x = LEFT + log10(rank) / across * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - log10(times) / up * (HEIGHT - TOP - BOTTOM)

    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(r.rank, r.times) for r in ranks))
    total = f"{tokens:,} different tokens" if tokens != 1 else "one token"
    most = f"; the commonest came {ranks[0].times:,} times, the rarest {ranks[-1].times:,}" if ranks else ""
    middle = (TOP + HEIGHT - BOTTOM) // 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="13">',
        f"<title>How often each token came, by rank</title><desc>{total}{most}.</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *(_upright(place(10.0**power, 1.0)[0], 10**power) for power in range(across + 1)),
        *(_level(place(1.0, 10.0**power)[1], 10**power) for power in range(up + 1)),
        f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="2"/>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle" fill="{SOFT}">rank of the token</text>',
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle" fill="{SOFT}">times it came</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _upright(x: float, mark: int) -> str:
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{GRID}"/>'
    return f'{line}<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="{SOFT}">{mark:,}</text>'


def _level(y: float, mark: int) -> str:
    line = f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
    return f'{line}<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{SOFT}">{mark:,}</text>'
