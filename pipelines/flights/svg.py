"""Two small charts as inline SVG: bars and lines. All text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH = 640
GRID = "#DEDDFF"
COLOURS = ("#4F43DD", "#21463D", "#C2571A", "#86837F")


def bars(values: Mapping[str, float], title: str, unit: str) -> str:
    """Horizontal bars, one for each label, in the order given. Values are zero or more."""
    step, left = 26, 170
    longest = max(values.values(), default=0.0) or 1.0
    height = 34 + step * len(values)
    parts = [opening(height, title)]
    for row, (label, value) in enumerate(values.items()):
        top = 30 + row * step
        length = max(1.0, (WIDTH - left - 90) * value / longest)
        parts.append(text(left - 8, top + 14, label, anchor="end"))
        parts.append(
            f'<rect x="{left}" y="{top}" width="{length:.1f}" height="{step - 8}" fill="{COLOURS[0]}"/>'
        )
        parts.append(text(left + length + 6, top + 14, f"{value:g} {unit}"))
    return "".join([*parts, "</svg>"])


def lines(series: Mapping[str, Sequence[tuple[float, float]]], title: str, unit: str) -> str:
    """One line for each name through its points (x, y), on common axes."""
    points = [point for line in series.values() for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, top, height, width = 50, 34, 260, WIDTH - 150
    low, high = min(0.0, *ys), max(*ys, 1.0)

    def place(x: float, y: float) -> str:
        across = left + width * (x - min(xs)) / ((max(xs) - min(xs)) or 1)
        return f"{across:.1f},{top + height * (high - y) / (high - low):.1f}"

    parts = [opening(top + height + 34, title)]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = low + (high - low) * share
        y = top + height * (1 - share)
        parts.append(
            f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
            + text(left - 6, y + 4, f"{value:.0f}", anchor="end")
        )
    for x in sorted({int(x) for x in xs})[::3]:
        parts.append(text(float(place(x, low).split(",")[0]), top + height + 18, str(x), anchor="middle"))
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(left + width + 12, top + 16 + number * 20, f"{name}, {unit}", colour=colour))
    return "".join([*parts, "</svg>"])


def opening(height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
        f'role="img" font-family="sans-serif" font-size="12"><title>{escape(title)}</title>'
        + text(0, 16, title)
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "currentColor") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{escape(words)}</text>'
