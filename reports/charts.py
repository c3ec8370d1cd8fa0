"""Charts as SVG, made on the server: shapes with classes that follow the theme's colours, no inline style.

What a chart says stands in the table beside it; its title and description say that to who does not see it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from django.utils.safestring import SafeString, mark_safe

WIDTH = 720
LABEL = 168
VALUE = 120
ROW = 34
BAR = 18
HEIGHT = 260
TOP, BOTTOM, LEFT = 12, 28, 64
LONGEST_LABEL = 24
# More labels under columns than these would touch each other.
MOST_TICKS = 12


@dataclass(frozen=True)
class Series:
    """What one colour stands for. `hue`: a class of the fixed set, as of stages."""

    name: str
    hue: str


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart: parts one after the other, each with the place of its series; and a line across, as at what
    is expected.
    """

    label: str
    parts: Sequence[float]
    text: str
    mark: float | None = None


@dataclass
class Chart:
    """A drawn chart with its legend, where there is more than one series. `limit`: what a line across stands for."""

    svg: SafeString
    series: Sequence[Series] = field(default_factory=list)
    limit: str = ""


def bars(title: str, told: str, series: Sequence[Series], rows: Sequence[Bar], limit: str = "") -> Chart:
    """Horizontal bars, one row each. `told`: what they show, in words; `limit`: what their lines across stand for."""
    longest = max([sum(row.parts) for row in rows] + [row.mark or 0 for row in rows] + [0]) or 1
    room = WIDTH - LABEL - VALUE
    drawn = []
    for at, row in enumerate(rows):
        top = at * ROW
        middle = top + ROW / 2
        drawn.append(f'<text class="label" x="0" y="{middle:g}" dy=".35em">{escape(shortened(row.label))}</text>')
        drawn.append(f'<rect class="track" x="{LABEL}" y="{middle - BAR / 2:g}" width="{room}" height="{BAR}" rx="4"/>')
        x = float(LABEL)
        for part, one in zip(row.parts, series, strict=False):
            width = part / longest * room
            if width > 0:
                drawn.append(
                    f'<rect class="shape {one.hue}" x="{x:.1f}" y="{middle - BAR / 2:g}" '
                    f'width="{max(width, 2):.1f}" height="{BAR}" rx="3"/>'
                )
            x += width
        if row.mark is not None:
            at_mark = LABEL + row.mark / longest * room
            drawn.append(
                f'<line class="limit" x1="{at_mark:.1f}" x2="{at_mark:.1f}" y1="{top + 3:g}" y2="{top + ROW - 3:g}"/>'
            )
        drawn.append(
            f'<text class="value" x="{WIDTH}" y="{middle:g}" dy=".35em" text-anchor="end">{escape(row.text)}</text>'
        )
    return Chart(_svg(title, told, ROW * len(rows), drawn), list(series), limit)


def columns(
    title: str,
    told: str,
    series: Sequence[Series],
    labels: Sequence[str],
    values: Sequence[Sequence[float]],
) -> Chart:
    """Columns in groups over time: for each label one value of each series, side by side."""
    highest = nice(max((value for group in values for value in group), default=0) or 1)
    room, tall = WIDTH - LEFT, HEIGHT - TOP - BOTTOM
    drawn = []
    for step in range(5):
        y = TOP + tall * (1 - step / 4)
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:g}" y2="{y:g}"/>')
        text = compact(highest * step / 4)
        drawn.append(f'<text class="tick" x="{LEFT - 8}" y="{y:g}" dy=".35em" text-anchor="end">{text}</text>')
    slot = room / max(len(labels), 1)
    wide = min(slot * 0.72, 28 * len(series)) / max(len(series), 1)
    every = math.ceil(len(labels) / MOST_TICKS) or 1
    for at, (label, group) in enumerate(zip(labels, values, strict=True)):
        begin = LEFT + slot * (at + 0.5) - wide * len(series) / 2
        for place, (value, one) in enumerate(zip(group, series, strict=True)):
            height = value / highest * tall
            if height > 0:
                x, y, shown = begin + place * wide, TOP + tall - max(height, 2), max(wide - 1.5, 1)
                drawn.append(
                    f'<rect class="shape {one.hue}" x="{x:.1f}" y="{y:.1f}" width="{shown:.1f}" '
                    f'height="{max(height, 2):.1f}" rx="2"/>'
                )
        if at % every == 0:
            drawn.append(
                f'<text class="tick" x="{LEFT + slot * (at + 0.5):.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
                f"{escape(label)}</text>"
            )
    return Chart(_svg(title, told, HEIGHT, drawn), list(series))


def _svg(title: str, told: str, height: float, drawn: Sequence[str]) -> SafeString:
    """One image with a name and a description: what is in it is not read out piece by piece."""
    return mark_safe(  # noqa: S308 every text is escaped
        f'<svg class="chart" role="img" viewBox="0 0 {WIDTH} {height:g}" aria-label="{escape(title)}. {escape(told)}">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc>{''.join(drawn)}</svg>"
    )


def shortened(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1].rstrip() + "…"


def nice(value: float) -> float:
    """The next round number that four steps divide well."""
    if value <= 4:
        return 4
    unit = 10 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 4, 6, 8, 10) if step * unit >= value)


def compact(value: float) -> str:
    """A number on an axis, in few letters."""
    for unit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"
