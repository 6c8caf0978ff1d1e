"""The table as text: for each section and case a line for each peer; at its end, the targets."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill

from benchmarks.peers.measurement import Metric
from benchmarks.peers.number import number
from benchmarks.peers.results import LIMITS, SECTIONS, Section, label
from benchmarks.peers.targets import LIMIT_OF, SYNC_OF, Target, targets

WIDTH = 110
GAP = "  "
HARD = "\N{NO-BREAK SPACE}"
HEADING = (
    "Each figure is the median of the rounds, with the lowest and the highest one. In each round"
    " everybody ran once, in turn, in a process of its own. The ratio is that to the best peer,"
    " which has 1.00: above 1 is better than the best peer, both where more is better and where"
    " less is; it is the median of the ratios of each round. No peers are kwatch itself, and the"
    " limits: no clients, but the least that each client has to do."
)


def table(sections: Mapping[str, Section]) -> str:
    """Write it."""
    parts = ["kwatch next to its peers\n" + fill(HEADING, WIDTH)]
    versions: dict[str, str] = {}
    for section in sections.values():
        place = f"{SECTIONS.index(section.name) + 1}. {section.title}"
        news = {} if section.versions.items() <= versions.items() else section.versions
        versions |= news
        parts.append(f"{place}\n{'=' * len(place)}\n{_where(section, news)}")
        parts += ["\n".join(_case(section, case)) for case in section.cases]
        if section.absent:
            parts.append("\n".join(_absent(section)))
    found = list(targets(sections))
    if found:
        parts.append("\n".join(["Targets\n=======", *_targets(found)]))
    return "\n\n".join(parts) + "\n"


def _where(section: Section, versions: Mapping[str, str]) -> str:
    """Say where and when it was, and with which versions, if these are not those above."""
    names = ", ".join(f"{name}{HARD}{version}" for name, version in versions.items())
    rounds = f"rounds:{HARD}{section.rounds}"
    text = f"{section.date}; {section.machine}; {rounds}; {names or 'versions as above'}."
    return fill(text, WIDTH).replace(HARD, " ")


def _case(section: Section, case: str) -> Iterator[str]:
    if len(section.cases) > 1:
        yield f"{label(case)}\n{'-' * len(label(case))}"
    names = [_name(peer) for peer in section.peers(case)]
    blocks = [_block(section, case, metric) for metric in section.metrics]
    for index, group in enumerate(_groups(blocks, names)):
        if index:
            yield ""
        width = max(map(len, names), default=0)
        lines = zip(["", "", *names], *group, strict=True)
        yield "\n".join(GAP.join((name.ljust(width), *cells)).rstrip() for name, *cells in lines)
    if section.name == "throughput":
        yield from _siblings(section, case)
    for peer, reasons in section.failures(case).items():
        what = f"{peer} failed in {len(reasons)} of {section.rounds} rounds: {reasons[-1]}"
        yield fill(what, WIDTH, subsequent_indent=GAP)


def _name(peer: str) -> str:
    return f"{peer} (limit)" if peer in LIMITS else peer


def _groups(blocks: list[list[str]], names: Sequence[str]) -> Iterator[list[list[str]]]:
    """Put as many blocks side by side as there is room for."""
    room = WIDTH - max(map(len, names), default=0)
    group: list[list[str]] = []
    for block in blocks:
        used = sum(len(it[0]) + len(GAP) for it in [*group, block])
        if group and used > room:
            yield group
            group = []
        group.append(block)
    yield group


def _block(section: Section, case: str, metric: Metric) -> list[str]:
    """Make the columns of a metric: two lines of a head, and one for each peer."""
    heads = ["median", "min..max", "ratio"]
    if section.name == "throughput":
        heads.append("of limit")
    rows = [heads, *(_cells(section, case, metric, peer) for peer in section.peers(case))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        GAP.join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    ]
    title = f"- {metric.label} -"
    width = max(len(title), len(lines[0]))
    return [title.center(width, "-"), *(line.rjust(width) for line in lines)]


def _cells(section: Section, case: str, metric: Metric, peer: str) -> list[str]:
    figures = section.figures(case, metric, peer).values()
    middle, best = section.middle(case, metric, peer), section.best(case, metric)
    cells = [
        "failed" if middle is None else number(middle),
        "..".join(dict.fromkeys((number(min(figures)), number(max(figures))))) if figures else "",
        _ratio(section, case, metric, (peer, best)),
    ]
    if section.name == "throughput":
        cells.append(_ratio(section, case, metric, (peer, LIMIT_OF.get(peer))))
    return cells


def _ratio(section: Section, case: str, metric: Metric, pair: tuple[str, str | None]) -> str:
    peer, other = pair
    ratio = other and section.ratio(case, metric, peer, other)
    return number(ratio) if isinstance(ratio, float) else ""


def _siblings(section: Section, case: str) -> Iterator[str]:
    """Say what asyncio costs."""
    for metric in section.metrics:
        for peer, other in SYNC_OF.items():
            if ratio := section.ratio(case, metric, peer, other):
                yield f"{peer} / {other}: {number(ratio)}"


def _absent(section: Section) -> Iterator[str]:
    for what, why in section.absent.items():
        yield fill(f"Without {what}: {why}.", WIDTH, subsequent_indent=GAP)


def _targets(found: Sequence[Target]) -> Iterator[str]:
    about = ""
    for target in found:
        if target.about != about:
            about = target.about
            yield about
        word = "reached" if target.is_reached else "MISSED"
        figure = "failed" if target.figure is None else number(target.figure)
        sign = "<=" if target.at_most else ">="
        yield f"{GAP}{word:<8}{figure:>8}  {sign} {target.goal:<6g}{target.text}"
