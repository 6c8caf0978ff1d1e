"""Watchers and supervisors on a server: their state follows the server's, whatever happens."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple, TypeAlias

import anyio
import httpx
import pytest

from kwatch import AsyncWatcher, Backoff, KubeConfig, NoReply, StatusError, Watcher, WatcherFailed
from tests.worlds import World

from .live import PATIENCE_SECONDS, WIDGETS, Box, Object, Proxy, wait_for

pytestmark = pytest.mark.e2e

Objects: TypeAlias = dict[str, Object]  # by uid


class _Mirror:
    """Has objects as its state, and notes what comes; ``answer`` is its answer to each event."""

    def __init__(self) -> None:
        self.answer: Callable[[Objects], Any] = NoReply
        self.changes: list[tuple[str, str]] = []
        self.messages: list[Any] = []
        self.ends: list[tuple[Any, Objects]] = []

    def handle_event(self, event_type: Any, obj: Object, state: Objects) -> Any:
        uid, name = obj["metadata"]["uid"], obj["metadata"]["name"].rpartition("-")[2]
        self.changes.append((str(event_type), name))
        others = {other: state[other] for other in state if other != uid}
        return self.answer(others if event_type == "deleted" else others | {uid: obj})

    def handle_info(self, message: Any, state: Objects) -> Any:
        self.messages.append(message)
        return NoReply(state)

    def terminate(self, reason: Any, state: Objects) -> None:
        self.ends.append((reason, state))


class Mirror(_Mirror, Watcher[Objects]):
    """In a thread."""


class AsyncMirror(_Mirror, AsyncWatcher[Objects]):
    """In a task."""

    async def handle_event(self, event_type: Any, obj: Object, state: Objects) -> Any:
        await anyio.lowlevel.checkpoint()
        return super().handle_event(event_type, obj, state)


class Scene(NamedTuple):
    """A world, the server with a test's objects, and the clients to close."""

    world: World
    config: KubeConfig
    api: httpx.Client
    box: Box
    open: ExitStack

    def mirror(self) -> Mirror | AsyncMirror:
        return AsyncMirror() if self.world.is_async else Mirror()

    def args(self, url: str = "", **more: Any) -> Object:
        """Give the arguments of a watcher, with a client of its own."""
        make = self.config.async_client if self.world.is_async else self.config.client
        client = self.world.call(make, base_url=url or self.config.server)
        self.open.callback(self.world.call, getattr(client, "aclose", None) or client.close)
        usual = {"label_selector": self.box.selector, "init_arg": {}, "backoff": Backoff(0.05)}
        return {"client": client, "kind": "Widget"} | usual | more

    def start(self, mirror: Mirror | AsyncMirror, **more: Any) -> Any:
        """Start a watcher, and wait until it has a watch open in each namespace."""
        handle = self.world.call(mirror.start_link, **self.args(**more))
        wait_for(lambda: handle.status.connects >= (len(handle.status.namespaces) or 1))
        return handle

    def follow(self, state: Callable[[], Any]) -> Objects:
        """Wait until a state is what the server lists; give it."""
        answer = self.api.get(WIDGETS, params={"labelSelector": self.box.selector})
        objects = {obj["metadata"]["uid"]: obj for obj in answer.raise_for_status().json()["items"]}
        wait_for(lambda: state() == objects)
        return objects


@pytest.fixture
def scene(world: World, config: KubeConfig, api: httpx.Client, box: Box) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(world, config, api, box, stack)


def test_s26_the_state_is_the_servers_across_cuts(scene: Scene, box: Box, proxy: Proxy) -> None:
    """Each change is handled once, in order, each message too, though events are cut in two."""
    box.create("a")
    mirror, expected = scene.mirror(), [("created", "a")]
    with scene.start(mirror, url=proxy.url, send_initial_events=True) as handle:
        scene.follow(lambda: handle.state)
        for number in map(str, range(4)):
            proxy.cut(after=300)
            handle.send(number)
            box.create(number)
            box.patch("a", {"spec": {"number": number}})
            box.delete(number)
            expected += [("created", number), ("modified", "a"), ("deleted", number)]
            last = scene.follow(lambda: handle.state)
    assert proxy.cuts == 4
    assert (mirror.changes, mirror.messages) == (expected, ["0", "1", "2", "3"])
    assert mirror.ends == [("normal", last)]


def test_a_refused_connection(scene: Scene, proxy: Proxy) -> None:
    """It is the cause of the failure, once terminate was called; a supervisor tries four times."""
    args, mirror, child = scene.args(proxy.url), scene.mirror(), scene.mirror()
    with proxy.refusing():
        with pytest.raises(WatcherFailed) as failed:
            scene.world.call(mirror.run, **args)
        with pytest.raises(WatcherFailed, match="more than 3 restarts") as given_up:
            scene.world.supervisor([child.child_spec(**args)]).start_link().join(PATIENCE_SECONDS)
    assert mirror.ends == [(failed.value.__cause__, {})]
    assert child.ends[3:] == [(given_up.value.__cause__, {})]
    assert all(isinstance(error, httpx.TransportError) for error, _ in mirror.ends + child.ends)


def test_s11_a_watcher_without_rights(scene: Scene, nobody: KubeConfig) -> None:
    """It fails of the server's 403, at once, after terminate, which is called once."""
    mirror, scene = scene.mirror(), scene._replace(config=nobody)
    args = scene.args(kind=None, resource_path=WIDGETS)
    with pytest.raises(WatcherFailed, match="widgets") as failed:
        scene.world.call(mirror.start_link, **args).result(PATIENCE_SECONDS)
    assert isinstance(failed.value.__cause__, StatusError)
    assert failed.value.__cause__.code == 403
    assert mirror.ends == [(failed.value.__cause__, {})]


def test_a_restarted_watcher_rebuilds_its_state(scene: Scene, box: Box) -> None:
    """A handler fails, and objects change meanwhile: what is restarted has the server's."""
    for name in "abcd":
        box.create(name)

    def answer(state: Objects) -> Any:
        if mirror.ends or len(state) < 3:
            return NoReply(state)
        box.delete("a")
        box.patch("b", {"spec": {"number": 2}})
        raise LookupError("broken")

    mirror = scene.mirror()
    mirror.answer = answer
    spec = mirror.child_spec(**scene.args(send_initial_events=True))
    with scene.world.supervisor([spec]) as supervisor:
        wait_for(lambda: bool(mirror.ends))
        box.create("e")
        last = scene.follow(lambda: getattr(supervisor.which_children()[0][1], "state", None))
    (failed, state), *others = mirror.ends
    assert isinstance(failed, LookupError)
    assert (len(state), len(last), others) == (2, 4, [("shutdown", last)])


@pytest.mark.parametrize("is_frozen", [False, True], ids=["idle", "frozen"])
def test_s56_s34_a_stop_leaves_a_cursor(scene: Scene, proxy: Proxy, is_frozen: bool) -> None:
    """It ends a blocked read soon; what begins at its cursor sees all since, once."""
    first, second = scene.mirror(), scene.mirror()
    handle = scene.start(first, url=proxy.url)
    scene.box.create("a")
    wait_for(lambda: handle.status.events == 1)
    if is_frozen:
        proxy.freeze()
    handle.stop(timeout=0.9)  # a reader that is stuck would be waited for longer
    scene.box.patch("a", {"spec": {"number": 1}})
    scene.box.delete("a")
    with scene.start(second, resource_version=handle.status.resource_version):
        scene.box.create("last")
        wait_for(lambda: ("created", "last") in second.changes)
    assert first.changes == [("created", "a")]
    assert second.changes == [("modified", "a"), ("deleted", "a"), ("created", "last")]


def test_s34_two_namespaces(scene: Scene, box: Box, two_namespaces: tuple[str, str]) -> None:
    """A watcher has the objects of both and of no other; their cursors lead on from there."""
    one, two = (box.elsewhere(namespace) for namespace in two_namespaces)
    one.create("same")
    two.create("same")
    first, second, more = scene.mirror(), scene.mirror(), {"namespace": two_namespaces}
    with scene.start(first, **more, send_initial_events=True) as handle:
        two.patch("same", {"spec": {"number": 1}})
        objects = scene.follow(lambda: handle.state)
        wait_for(lambda: handle.status.synced)
    cursors = {name: part.resource_version for name, part in handle.status.namespaces.items()}
    one.delete("same")
    box.create("elsewhere")
    box.delete("elsewhere")
    two.create("new")
    with scene.start(second, **more, resource_version=cursors, init_arg=objects) as handle:
        scene.follow(lambda: handle.state)
    assert sorted(second.changes) == [("created", "new"), ("deleted", "same")]
