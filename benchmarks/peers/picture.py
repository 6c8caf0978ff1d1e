"""The picture: rows of panels, as a PNG."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.peers.panel import ACCENT, FAINT, GREY, INK, OUTLINED, Panel
from benchmarks.peers.peer import PEERS
from benchmarks.peers.results import Section

DPI = 100
WIDTH = 1600
COLUMNS = 4
NAMES, GAP = 172, 26
"""What the names beside the bars take, and what is between panels. All of these are pixels."""
SIDE, HEAD, FOOT = 24, 78, 84
TITLE, BELOW = 46, 20
LINE = 260
"""How many characters a line at the foot has."""

HARD = "\N{NO-BREAK SPACE}"
STYLE = {"font.family": "DejaVu Sans", "hatch.linewidth": 0.5}

WANTED = (
    (("throughput", "rate", False), ("latency", "p99", True)),
    (
        ("initial", "first", True),
        ("initial", "peak", True),
        ("relist", "seconds", False),
        ("relist", "memory", False),
    ),
    (
        ("many", "memory", False),
        ("many", "rate", False),
        ("imports", "import", False),
        ("imports", "megabytes", False),
    ),
)
"""The rows: of each panel, the section, the metric, and whether the scale is logarithmic."""


def draw(sections: Mapping[str, Section], path: Path) -> None:
    """Draw what there is of the sections."""
    rows = [row for wanted in WANTED if (row := list(_panels(sections, wanted)))]
    heights = [max(panel.height for panel in row) for row in rows]
    height = HEAD + sum(heights) + len(rows) * (TITLE + BELOW) + FOOT
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        top = float(HEAD)
        for row, tall in zip(rows, heights, strict=True):
            top += TITLE
            for panel, left, wide, is_named in _placed(row):
                bottom = height - top - panel.height
                box = (left / WIDTH, bottom / height, wide / WIDTH, panel.height / height)
                panel.draw(figure.add_axes(box), wide, is_named=is_named)
            top += tall + BELOW
        _head(figure, sections.values(), height)
        foot: dict[str, Any] = {"fontsize": 8, "color": FAINT, "va": "bottom", "linespacing": 1.5}
        figure.text(SIDE / WIDTH, 16 / height, "\n".join(_where(sections.values())), **foot)
        figure.savefig(path, dpi=DPI)


def _panels(
    sections: Mapping[str, Section], wanted: Iterable[tuple[str, str, bool]]
) -> Iterator[Panel]:
    """Give the panels of a row; all that show peers have a line for the same ones."""
    found = [
        (section, case, section.metric(key), is_log)
        for name, key, is_log in wanted
        if (section := sections.get(name))
        for case in section.cases
        if section.peers(case)
    ]
    seen = {name for section, case, *_ in found for name in section.peers(case)}
    for section, case, metric, is_log in found:
        of_libraries = section.name == "imports"
        names = section.peers(case) if of_libraries else [it.name for it in PEERS]
        lines = [name for name in names if name in seen]
        yield Panel(section, case, metric, is_log, lines)


def _placed(row: Sequence[Panel]) -> Iterator[tuple[Panel, float, float, bool]]:
    """Tell where each panel is, how wide, and whether the names are beside it."""
    olds = [None, *row[:-1]]
    is_named = [old is None or old.names != new.names for old, new in zip(olds, row, strict=True)]
    columns = max(len(row), COLUMNS)
    wide = (WIDTH - 2 * SIDE - sum(is_named) * NAMES - (columns - 1) * GAP) / columns
    left = float(SIDE)
    for panel, named in zip(row, is_named, strict=True):
        left += NAMES * named
        yield panel, left, wide, named
        left += wide + GAP


def _head(figure: Figure, sections: Collection[Section], height: float) -> None:
    """Write what is above the panels."""
    rounds = " or ".join(map(str, sorted({section.rounds for section in sections})))
    what = f"Medians of all rounds ({rounds}); the thin line is from the lowest to the highest"
    what += "; an arrow is a limit that is beyond the scale"
    left = SIDE / WIDTH
    title: dict[str, Any] = {"fontsize": 17, "weight": "bold", "color": INK, "va": "top"}
    figure.text(left, 1 - 20 / height, "kwatch next to its peers", **title)
    figure.text(left, 1 - 52 / height, what, fontsize=9, color=FAINT, va="top")
    patches = [
        Patch(color=ACCENT, label="kwatch"),
        Patch(color=GREY, label="peers"),
        Patch(**OUTLINED, label="limits: no clients, but the least that each has to do"),
    ]
    place: dict[str, Any] = {"loc": "upper right", "bbox_to_anchor": (1 - left, 1 - 14 / height)}
    look: dict[str, Any] = {"fontsize": 9, "labelcolor": INK, "handlelength": 1.6}
    figure.legend(handles=patches, ncols=3, frameon=False, borderaxespad=0, **place, **look)


def _where(sections: Collection[Section]) -> Iterator[str]:
    """Say where and when each was measured, and with which versions."""
    places: dict[str, list[str]] = {}
    for section in sections:
        places.setdefault(f"{section.date}, {section.machine}", []).append(section.name)
    for place, names in places.items():
        yield place if len(places) == 1 else f"{', '.join(names)}: {place}"
    pairs = (pair for section in sections for pair in section.versions.items())
    versions = dict.fromkeys(f"{name}{HARD}{version}" for name, version in pairs)
    yield fill(", ".join(versions), LINE)
