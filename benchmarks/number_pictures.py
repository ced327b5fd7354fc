"""Makes the two pictures of `docs/what_the_numbers_mean.md`.

    python -m benchmarks.number_pictures     # some seconds

The first is a simulation: all settings are right with probability .7, each on 30 validation rows,
and the best of N is looked at. The second is the bar of a result with these numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpo_magic.views.interval_bar import interval_bar

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
TRUE, N_ROWS, N_SEARCHES = 0.7, 30, 4_000
NUMBERS = (1, 2, 5, 10, 20, 50, 100)
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 460, 230, 60, 190, 20


def best_of(n: int) -> float:
    """Return the mean of the best of `n` scores on 30 rows, where all settings are equally good."""
    scores = np.random.default_rng(n).binomial(N_ROWS, TRUE, (N_SEARCHES, n)) / N_ROWS
    return float(scores.max(axis=1).mean())


def selection_picture() -> str:
    """Return an SVG: the best of N scores, and what new data would show."""
    values = [best_of(n) for n in NUMBERS]
    step = (WIDTH - LEFT - 30) / (len(NUMBERS) - 1)
    y = [BOTTOM - (v - 0.65) / 0.25 * (BOTTOM - TOP) for v in (*values, TRUE)]
    dots = "".join(
        f'<circle cx="{LEFT + i * step:.0f}" cy="{y[i]:.0f}" r="5" fill="#e45756"/>'
        f'<text x="{LEFT + i * step:.0f}" y="{y[i] - 9:.0f}" font-size="11" text-anchor="middle">'
        f"{values[i]:.2f}</text>"
        f'<text x="{LEFT + i * step:.0f}" y="{BOTTOM + 16}" font-size="11" text-anchor="middle">'
        f"{n}</text>"
        for i, n in enumerate(NUMBERS)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y[-1]:.0f}" y2="{y[-1]:.0f}" '
        f'stroke="#4c78a8" stroke-width="2"/>'
        f'<text x="{WIDTH - 20}" y="{y[-1] + 14:.0f}" font-size="11" text-anchor="end" '
        f'fill="#4c78a8">on new data: {TRUE:.2f}</text>{dots}'
        f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 6}" font-size="12" text-anchor="middle">'
        f"settings that were tried, all equally good</text></svg>\n"
    )


def main() -> None:
    """Write both pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "selection.svg").write_text(selection_picture(), encoding="utf-8")
    bar = interval_bar(0.914, 0.035, {"start": 0.861, "best seen": 0.952})
    white = bar.replace("<title>", '<rect width="460" height="58" fill="white"/><title>', 1)
    (FOLDER / "bar.svg").write_text(white.replace("currentColor", "black") + "\n", encoding="utf-8")
    print(*(f"{n}: {best_of(n):.3f}" for n in NUMBERS))


if __name__ == "__main__":
    main()
