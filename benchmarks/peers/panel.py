"""A panel of the picture: bars of one metric in one case."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

from benchmarks.peers.measurement import Metric
from benchmarks.peers.number import number
from benchmarks.peers.results import LIMITS, OWN, Section

BAR, APART = 16, 7
VALUE = 64
"""The room for the value at the end of the longest bar."""
LETTER = 8.3
"""How wide a letter of a title is. All of these are pixels."""
BEYOND = 1.2
"""A limit that is so much more than anything else is cut off, so that all else can be seen."""

INK, FAINT = "#23272e", "#6b7280"
ACCENT, GREY = "#2563c9", "#bcc1c9"
OUTLINED: dict[str, Any] = {
    "facecolor": "white",
    "edgecolor": "#8b929d",
    "hatch": "/////",
    "linewidth": 0.8,
}


@dataclass(frozen=True)
class Panel:
    """What it shows, and who has a line in it, measured or not."""

    section: Section
    case: str
    metric: Metric
    is_log: bool
    names: Sequence[str]

    @cached_property
    def places(self) -> list[float]:
        """Where the line of each is, in pixels: limits, kwatch and peers are a bit apart."""
        groups = [(name in OWN) + 2 * (name in LIMITS) for name in self.names]
        steps = (new != old for old, new in pairwise(groups))
        apart = accumulate(steps, initial=0)
        return [(index + 0.5) * BAR + APART * count for index, count in enumerate(apart)]

    @property
    def height(self) -> float:
        """How high it is, in pixels."""
        return self.places[-1] + BAR / 2

    @property
    def unit(self) -> str:
        """What the bars are in."""
        better = "less" if self.metric.lower_is_better else "more"
        return f"{self.metric.label}, {better} is better" + ", log scale" * self.is_log

    def draw(self, axes: Any, wide: float, *, is_named: bool) -> None:
        """Draw it, so many pixels wide, with the names beside it or not."""
        self._head(axes, wide)
        axes.set(ylim=(self.height, 0), xticks=[], yticks=self.places)
        axes.set_yticklabels(self.names if is_named else [], fontsize=8.5, color=INK)
        axes.tick_params(length=0, pad=5)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.spines["left"].set_color(GREY)
        start, end = self._span()
        room = 1 - VALUE / wide
        if self.is_log:
            axes.set(xscale="log", xlim=(start, start * (end / start) ** (1 / room)))
            axes.minorticks_off()
            axes.set_xticks([])
        else:
            axes.set_xlim(start, end / room)
        for name, place in zip(self.names, self.places, strict=True):
            self._bar(axes, name, place, (start, end))

    def _figures(self, name: str) -> list[float]:
        return list(self.section.figures(self.case, self.metric, name).values())

    def _head(self, axes: Any, wide: float) -> None:
        title = self.section.heading(self.case)
        if len(title) * LETTER > wide:  # the table has all of it
            title = title.rpartition(", ")[0] or title
        size = min(10, 10 * wide / (len(title) * LETTER))
        axes.set_title(title, loc="left", fontsize=size, color=INK, weight="bold", pad=20)
        where = {"xycoords": "axes fraction", "textcoords": "offset points"}
        axes.annotate(self.unit, (0, 1), (0, 5), fontsize=8.5, color=FAINT, **where)

    def _span(self) -> tuple[float, float]:
        """Give where the axis starts, and where the longest bar ends."""
        others = [it for name in self.names if name not in LIMITS for it in self._figures(name)]
        figures = [figure for name in self.names for figure in self._figures(name)]
        if not any(figures):
            return (0.1, 1.0) if self.is_log else (0.0, 1.0)
        if self.is_log:
            return min(filter(None, figures)) / 2, max(figures)
        return 0.0, min(max(figures), BEYOND * max(others, default=0) or max(figures))

    def _bar(self, axes: Any, name: str, place: float, span: tuple[float, float]) -> None:
        """Draw the median, the spread, and the value; or say that there is none."""
        figures, middle = self._figures(name), self.section.middle(self.case, self.metric, name)
        start, end = span
        ink, weight = (ACCENT, "bold") if name in OWN else (INK, "normal")
        if middle is None:
            is_failed = name in self.section.failures(self.case)
            text, tip, ink = "failed" if is_failed else "\N{EN DASH}", start, FAINT
        else:
            colour = {"color": ACCENT if name in OWN else GREY}
            style: dict[str, Any] = OUTLINED if name in LIMITS else colour
            axes.barh(place, min(middle, end), height=0.74 * BAR, **style)
            tip = min(max(figures), end)
            axes.hlines(place, min(*figures, tip), tip, color=INK, linewidth=0.9)
            text = number(middle) + " \N{RIGHTWARDS ARROW}" * (middle > end)
        look = {"fontsize": 8, "color": ink, "weight": weight, "va": "center"}
        axes.annotate(text, (tip, place), (4, 0), textcoords="offset points", **look)
