"""`kwatch.cli._wide`: columns that stay where they are."""

import pytest

from kwatch import Event, EventType
from kwatch.cli._style import Style
from kwatch.cli._wide import Wide


def pod(name: str, **fields: object) -> Event:
    metadata = {
        "name": name,
        "namespace": "shop",
        "resourceVersion": "1234",
        "creationTimestamp": "2026-11-25T12:00:00Z",
    }
    return Event(EventType.MODIFIED, {"kind": "Pod", "metadata": metadata, **fields})


@pytest.fixture
def wide() -> Wide:
    """At four minutes past twelve."""
    return Wide(Style(colour=False), clock=lambda: 1_795_608_240.0)


def test_the_head_comes_once(wide: Wide) -> None:
    head, first = wide(pod("a")).split("\n")
    second = wide(pod("b"))
    assert head.split() == ["TIME", "TYPE", "NAME", "READY", "STATUS", "AGE", "VERSION", "NODE"]
    assert [head.index("NAME"), head.index("NODE")] == [first.index("shop/a"), first.index("-", 70)]
    assert second.replace("shop/b", "shop/a") == first


def test_what_a_pod_tells(wide: Wide) -> None:
    containers = [{"name": "a", "ready": True}, {"name": "b", "ready": False}]
    status = {"phase": "Running", "containerStatuses": containers}
    spec = {"nodeName": "node-1", "containers": [{"name": "a"}, {"name": "b"}]}
    cells = wide(pod("a", status=status, spec=spec)).split("\n")[1].split()
    assert cells[1:] == ["modified", "shop/a", "1/2", "Running", "4m", "1234", "node-1"]


def test_each_cell_is_there(wide: Wide) -> None:
    given = Event(EventType.CREATED, {"metadata": {"name": "a"}})
    assert wide(given).split("\n")[1].split()[1:] == ["created", "a", "-", "-", "-", "-", "-"]


def test_a_column_grows_and_never_shrinks(wide: Wide) -> None:
    wide(pod("a"))
    long = wide(pod("a" * 60))
    short = wide(pod("a"))
    assert short.index("4m") == long.index("4m") > 60


def test_what_is_very_long_moves_its_own_line_alone(wide: Wide) -> None:
    assert wide(pod("a" * 1_000)).endswith("  1234     -")
    assert wide(pod("a")).index("4m") < 150


def test_colours_do_not_move_the_columns() -> None:
    plain, coloured = (
        Wide(Style(colour=it), clock=lambda: 0.0)(pod("a")).split("\n")[1] for it in (False, True)
    )
    assert coloured != plain
    for code in ("\x1b[2m", "\x1b[33m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain
