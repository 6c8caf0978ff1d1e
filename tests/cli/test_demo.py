"""`kwatch.cli._demo` and `_mischief`: whatever is done to the server, the watch goes on."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random
from typing import Any

import pytest

from kwatch import Event, KwatchError, WatchStatus, watch
from kwatch.cli import _demo, _mischief, main
from kwatch.cli._demo import demo
from kwatch.cli._mischief import Mischief
from kwatch.cli._signals import Stopped, stoppable
from kwatch.testing import FakeAPIServer, Life
from tests.cli.terminal import PATIENCE, Terminal

NEVER = (3_600.0, 3_600.0)


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class World:
    """A server with life and mischief, and a watch of its pods."""

    def __init__(self, server: FakeAPIServer, life: Life) -> None:
        self.server = server
        self.life = life
        self.said: list[str] = []
        self.status = WatchStatus()
        self.mischief = self.with_mischief(pause_seconds=NEVER)

    def with_mischief(self, **options: Any) -> Mischief:
        return Mischief(self.server, [self.life], self.said.append, **options)


@pytest.fixture
def world() -> Iterator[World]:
    with (
        FakeAPIServer(bookmark_interval=0.15) as server,
        Life(server, interval=0.1, random=Random(1)) as life,
    ):
        yield World(server, life)


@pytest.fixture
def events(world: World) -> Iterator[Iterator[Event]]:
    """What a watch yields."""
    config = _demo._config(world.server)
    with (
        config.client() as client,
        closing(watch(client, "pods", send_initial_events=True, status=world.status)) as events,
    ):
        yield events


def read_until(events: Iterator[Event], condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        next(events)
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("c", "fault: the connections are cut"),
        ("x", "fault: the history is gone: 410 for the next watch"),
        ("r", "fault: the server is down for 0.05 seconds"),
        ("s", "fault: the connections fall silent"),
        ("t", "fault: an event of the next watch is cut short"),
        ("b", "fault: the last 10 changes are undone"),
    ],
)
def test_a_watch_survives_each_trick(
    world: World,
    events: Iterator[Event],
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    said: str,
) -> None:
    monkeypatch.setattr(_mischief, "DOWN_SECONDS", 0.05)
    status = world.status
    with world.with_mischief(pause_seconds=NEVER) as mischief:
        at = time.monotonic() + (1.0 if key == "s" else 0.2)  # to learn how often bookmarks come
        read_until(events, lambda: status.synced and time.monotonic() > at)
        before, relists = status.connects, status.relists
        mischief.press(key)
        read_until(events, lambda: status.connects > before)
        seen = status.events
        read_until(events, lambda: status.events > seen)
        if key in "xb":
            read_until(events, lambda: status.relists > relists)
    assert world.said == [said]


def test_refusals_are_scripted(world: World) -> None:
    with world.with_mischief(pause_seconds=NEVER) as mischief:
        mischief.press("e")
        eventually(lambda: world.server.unmet == 3)
    assert world.said == ["fault: the next three watches get 500, 429 and 502"]


def test_by_chance_all_but_the_last_happen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mischief, "DOWN_SECONDS", 0.01)
    with world.with_mischief(by_chance=True, random=Random(1), pause_seconds=(0.0, 0.01)):
        eventually(lambda: len(set(world.said)) == 6)
    assert not any("undone" in said for said in world.said)


def test_without_chance_nothing_happens(world: World) -> None:
    with world.with_mischief(pause_seconds=(0.0, 0.001)) as mischief:
        time.sleep(0.05)
        mischief.press(" ")
        eventually(lambda: world.said)
    assert world.said == ["life is paused"]


def test_other_keys_do_nothing(world: World) -> None:
    with world.with_mischief(pause_seconds=NEVER) as mischief:
        for key in "zqC\n":
            mischief.press(key)
    assert world.said == []


def test_a_blank_pauses_life(world: World) -> None:
    with world.with_mischief(pause_seconds=NEVER) as mischief:
        mischief.press(" ")
        eventually(lambda: world.life.is_paused)
        mischief.press(" ")
        eventually(lambda: not world.life.is_paused)
    assert world.said == ["life is paused", "life goes on"]


def test_it_ends_while_the_server_is_down(world: World) -> None:
    with world.with_mischief(pause_seconds=NEVER) as mischief:
        mischief.press("r")
        eventually(lambda: world.said)
        begun = time.monotonic()
    assert time.monotonic() - begun < _mischief.DOWN_SECONDS
    assert not world.server.http.is_running()


def test_the_hint_names_each_key(world: World) -> None:
    pairs = [part.split(" ", 1) for part in world.mischief.hint.split("  ")]
    assert [key for key, _ in pairs] == list(world.mischief.tricks)
    assert all(name for _, name in pairs)


# The whole


def test_without_pytest_httpserver_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("kwatch.testing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "kwatch.cli._mischief")
    monkeypatch.setitem(sys.modules, "pytest_httpserver", None)
    with pytest.raises(KwatchError, match=r"pip install 'kwatch-stream\[demo\]'"), demo():
        pass


def test_it_is_a_cluster_with_life_and_leaves_nothing() -> None:
    threads = threading.active_count()
    with demo() as (config, hint), config.client() as client:
        assert hint == ""  # there are no keys without a terminal
        with closing(watch(client, "pods", send_initial_events=True)) as events:
            missing = {"default", "shop"}
            while missing:
                missing.discard(next(events).obj["metadata"]["namespace"])
    eventually(lambda: threading.active_count() <= threads)


def test_keys_play_tricks_and_quit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def hear() -> bool:
        said.append(capsys.readouterr().err)
        return "cut" in said[-1]

    def run(terminal: Terminal) -> None:
        with stoppable(), demo() as (_, hint):
            assert hint.startswith("c cut  ")
            assert hint.endswith("  space pause  q quit")
            terminal.type("c")
            eventually(hear)
            terminal.type("q")
            time.sleep(PATIENCE)

    monkeypatch.setenv("TERM", "xterm")
    with Terminal() as terminal:
        monkeypatch.setattr(sys, "stdin", terminal.stdin)
        with pytest.raises(Stopped) as stopped:
            run(terminal)
        assert terminal.is_cooked
    assert stopped.value.status == 130
    assert said[-1] == "kwatch: fault: the connections are cut\n"


def test_the_keys_are_told_where_there_is_no_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["demo", "-o", "name", "--until", "create"]
    monkeypatch.setenv("TERM", "xterm")
    with Terminal() as terminal:
        monkeypatch.setattr(sys, "stdin", terminal.stdin)
        assert main(argv) == 0
    assert capsys.readouterr().err.startswith("kwatch: keys: c cut, x expire, ")
