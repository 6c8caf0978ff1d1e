"""`kwatch.cli._board`: what the live table looks like, at any size."""

import re
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from kwatch import Event, EventType, WatchState, WatchStatus
from kwatch.cli._board import SILENT_SECONDS, Board, Message
from kwatch.cli._rows import FRESH_SECONDS, Rows


class World:
    """A board, with a clock that stands still."""

    def __init__(self, status: WatchStatus | None = None, encoding: str = "utf-8") -> None:
        self.now = 1_000.0
        self.status = status
        self.rows = Rows(lambda: self.now)
        self.board = Board(
            self.rows,
            "pods  http://localhost",
            status,
            "c cut the line  q quit",
            encoding=encoding,
            clock=lambda: self.now,
        )

    def take(self, event_type: str, name: str, *, namespace: str = "x", **obj: Any) -> None:
        metadata = {"namespace": namespace, "name": name, "resourceVersion": "7"}
        metadata["creationTimestamp"] = "1970-01-01T00:16:30Z"  # ten seconds before `now`
        obj = {"kind": "Pod", "metadata": metadata, "status": {"phase": "Running"}, **obj}
        self.rows.take(Event(EventType(event_type), obj))

    def draw(self, width: int = 100, height: int = 20, *, colour: bool = False) -> str:
        console = Console(
            file=StringIO(), width=width, height=height, force_terminal=colour, _environ={}
        )
        with console.capture() as capture:
            console.print(self.board.draw(width, height))
        return capture.get()

    def lines(self, width: int = 100, height: int = 20) -> list[str]:
        return [line.rstrip() for line in self.draw(width, height).split("\n")[:-1]]


@pytest.fixture
def status() -> WatchStatus:
    return WatchStatus(
        synced=True,
        state=WatchState.WATCHING,
        last_contact=999.7,
        events=4_711,
        connects=3,
        relists=1,
    )


@pytest.fixture
def world(status: WatchStatus) -> World:
    return World(status)


# What may go wrong


@pytest.mark.parametrize("width", [1, 2, 5, 10, 20, 40, 60, 79, 100, 300])
@pytest.mark.parametrize("height", [1, 2, 5, 10, 24, 100])
def test_any_size_will_do(world: World, status: WatchStatus, width: int, height: int) -> None:
    status.last_error = ValueError("wrong " * 50)
    for index in range(50):
        world.take("created", f"{'long-' * 20}{index}", namespace=f"n{index % 3}")
    lines = world.lines(width, height)
    assert max(map(len, lines)) <= width
    if width >= 60 and height >= 10:
        assert len(lines) == height
        assert lines[0].startswith("pods · http://localhost")
        assert "objects" in " ".join(lines)
        assert lines[-1].endswith("q quit")


def test_names_neither_steer_the_terminal_nor_are_markup(world: World) -> None:
    world.take("created", "a\x1b[2J\n[red]b", status={"phase": "[bold]\x9b"})
    world.board.message = Message("[blink]\x07 said", world.now)
    text = world.draw()
    assert r"a\x1b[2J\n[red]b" in text
    assert r"[bold]\x9b" in text
    assert r"[blink]\x07 said" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_an_encoding_that_has_few_characters_will_do() -> None:
    world = World(WatchStatus(), encoding="ascii")
    world.take("created", "\u00e9")
    text = world.draw(width=200)
    assert r"\xe9" in text
    assert text.isascii()


def test_wide_characters_take_their_room(world: World) -> None:
    world.take("created", "\u7db2" * 10)
    world.take("created", "a")
    other, line = (it for it in world.draw().split("\n") if "Running" in it)
    assert {line.index("Running") + 10, other.index("Running")} == {22}


def test_lost_contact_is_red(world: World, status: WatchStatus) -> None:
    red = re.compile(r"\x1b\[1;31mlast contact")
    assert not red.search(world.draw(colour=True))
    status.state = WatchState.WAITING
    assert red.search(world.draw(colour=True))
    status.state = WatchState.WATCHING
    world.now += SILENT_SECONDS
    assert red.search(world.draw(colour=True))


def test_a_wall_clock_that_went_back_does_no_harm(world: World) -> None:
    world.take("created", "a")
    world.now -= 3_600
    text = world.draw()
    assert "0s ago: created" in text
    assert "last contact 0.0s ago" in text


def test_the_last_error_is_told_in_short(world: World, status: WatchStatus) -> None:
    status.last_error = ValueError(
        "the server answered 410 to GET /api?watch=1&a=b: gone\nfor good"
    )
    assert "last error 0s ago: the server answered 410 to GET /api: gone for good" in world.draw()
    world.now += 5
    assert "last error 5s ago" in world.draw()
    status.last_error = ValueError()
    assert "last error 0s ago: ValueError" in world.draw()


def test_what_was_said_is_told(world: World) -> None:
    world.board.message = Message("the line is cut", world.now - 2)
    assert "2s ago: the line is cut" in world.draw()


# The rows


def test_a_row(world: World) -> None:
    world.take("modified", "web")
    title, head, row, *_ = world.lines()
    assert title == "pods · http://localhost"
    assert head.split() == ["NAME", "STATUS", "AGE", "VERSION", "CHANGED"]
    assert row.split() == ["web", "Running", "10s", "7", "0s", "ago:", "modified"]


def test_the_namespace_is_told_where_there_is_more_than_one(world: World) -> None:
    world.take("created", "a", namespace="x")
    world.take("created", "a", namespace="y")
    head, *rows = world.lines()[1:4]
    assert head.split()[0] == "NAMESPACE"
    assert [row.split()[:2] for row in rows] == [["x", "a"], ["y", "a"]]


@pytest.mark.parametrize(
    ("event_type", "style"),
    [("created", "\x1b[1;32m"), ("modified", "\x1b[1;33m"), ("deleted", "\x1b[1;9;31m")],
)
def test_what_changed_just_now_is_highlighted(world: World, event_type: str, style: str) -> None:
    world.take("created", "b")
    world.now += FRESH_SECONDS
    world.take(event_type, "a")
    changed, other = (it for it in world.draw(colour=True).split("\n") if "Running" in it)
    assert changed.startswith(f"{style}a")
    assert "\x1b" not in other
    world.now += FRESH_SECONDS
    assert not any(line.startswith(style) for line in world.draw(colour=True).split("\n"))


def test_what_matters_less_goes_first_where_it_is_narrow(world: World) -> None:
    world.take("created", "a-name-that-is-of-some-length-0")
    assert "VERSION" in world.lines(76)[1]
    assert world.lines(60)[1].split() == ["NAME", "STATUS", "CHANGED"]
    assert "…" not in "".join(world.lines(60)[1:3])
    assert world.lines(40)[1].split() == ["NAME", "STATUS"]
    assert "a-name-that-is-of-so…" in world.lines(30)[2]


def test_what_changed_goes_only_where_it_is_very_narrow(world: World) -> None:
    world.take("created", "a-name-that-is-so-long-that-it-fills-a-line-by-itself")
    assert world.lines(50)[1].split() == ["NAME", "STATUS", "CHANGED"]
    assert world.lines(49)[1].split() == ["NAME", "STATUS"]


def test_where_it_is_low_half_of_it_is_rows(world: World, status: WatchStatus) -> None:
    status.last_error = ValueError("wrong")
    for index in range(9):
        world.take("created", f"n{index}")
    lines = world.lines(60, 8)
    assert [line.split()[0] for line in lines[2:4]] == ["n7", "n8"]
    assert lines[-1].startswith("last error")


def test_columns_do_not_jump_back(world: World) -> None:
    world.take("deleted", "a-name-that-is-of-some-length-0")
    world.take("created", "b")
    before = world.lines()[1]
    world.now += FRESH_SECONDS
    assert world.lines()[1] == before


def test_nothing_to_show(world: World, status: WatchStatus) -> None:
    assert "no objects" in world.lines()[2]
    status.synced = False
    assert "loading" in world.lines()[2]


# The footer


def test_the_footer_tells_of_the_watch(world: World) -> None:
    world.take("created", "a")
    assert world.lines(150)[-2:] == [
        "1 object · 1.0 events/s · 4,711 events · last contact 0.3s ago · 2 reconnects · 1 relist"
        " · watching",
        "c cut the line  q quit",
    ]


def test_the_footer_breaks_between_what_it_tells(world: World) -> None:
    world.take("created", "a")
    assert world.lines(60)[-3:] == [
        "1 object · 1.0 events/s · 4,711 events",
        "last contact 0.3s ago · 2 reconnects · 1 relist · watching",
        "c cut the line  q quit",
    ]


def test_the_footer_tells_how_many_are_shown(world: World) -> None:
    for index in range(3_456):
        world.take("created", f"n{index}")
    lines = world.lines(120)
    assert sum("created" in line for line in lines) == 15
    assert len(lines) == 20
    assert "15 of 3,456 objects · 3,456 events/s · " in lines[-2]


def test_a_watch_of_several_namespaces_has_a_connection_for_each(
    world: World, status: WatchStatus
) -> None:
    status.namespaces = {"x": WatchStatus(), "y": WatchStatus()}
    assert "1 reconnect " in world.draw()
    status.connects = 1
    assert "0 reconnects" in world.draw()


def test_no_watch_no_facts_of_it() -> None:
    world = World(None)
    assert world.lines()[-2] == "0 objects · 0.0 events/s"
    assert "no objects" in world.draw()


def test_no_contact_yet(world: World, status: WatchStatus) -> None:
    status.last_contact = None
    assert "no contact yet" in world.draw()
