"""Changes on a server come once, in order, across whatever happens to the connection."""

import time
from contextlib import ExitStack
from itertools import islice
from random import Random
from typing import Any

import httpx
import pytest

from kwatch import Backoff, Event, KubeConfig, WatchStatus, watch

from .live import Box, Front, Object, Proxy, wait_for

pytestmark = pytest.mark.e2e


def versions(events: list[Event]) -> list[str]:
    return [event.resource_version for event in events]


def test_create_modify_delete(front: Front, box: Box) -> None:
    """Each change comes once, in order, whole; a deletion with its own resource version."""
    with front.start(box=box, namespace=box.namespace) as run:
        run.wait_until_open()
        created = box.create("a", {"color": "red"})
        modified = box.patch("a", {"spec": {"color": "blue"}})
        box.delete("a")
        changes = run.take(3, quiet=0.05)
        assert changes == [("created", "a"), ("modified", "a"), ("deleted", "a")]
    assert [obj for _, obj in run.events[:2]] == [created, modified]
    last = run.events[2].obj
    assert last["spec"] == {"color": "blue"}
    assert int(last["metadata"]["resourceVersion"]) > int(modified["metadata"]["resourceVersion"])
    assert run.status.resource_version == last["metadata"]["resourceVersion"]


def test_from_now(front: Front, box: Box) -> None:
    """What exists before the watch begins is not yielded."""
    box.create("before")
    with front.start(box=box) as run:
        run.wait_until_open()
        box.create("after")
        assert run.take(1, quiet=0.05) == [("created", "after")]


@pytest.mark.parametrize("resource_version", ["0", ""])
def test_s33_what_exists_first(front: Front, box: Box, resource_version: str) -> None:
    """Resource version "0" or "" begins with what exists, and goes on with the changes."""
    for name in "abc":
        box.create(name)
    with front.start(box=box, resource_version=resource_version) as run:
        assert sorted(run.take(3)) == [("created", name) for name in "abc"]
        box.delete("b")
        assert run.take(4, quiet=0.05)[3:] == [("deleted", "b")]


def test_s61_one_object(front: Front, box: Box) -> None:
    """One object by its name: absent, created, deleted, created again; no other one."""
    with front.start(box=box, label_selector=None, name=box.name("a")) as run:
        run.wait_until_open()
        box.create("b")
        first = box.create("a")
        box.delete("a")
        second = box.create("a")
        changes = run.take(3, quiet=0.05)
        assert changes == [("created", "a"), ("deleted", "a"), ("created", "a")]
    uids = [event.obj["metadata"]["uid"] for event in run.events]
    assert uids == [obj["metadata"]["uid"] for obj in (first, first, second)]


def test_s62_leaving_and_entering_the_selector(front: Front, box: Box) -> None:
    """An object that leaves the selector is deleted, and created when it enters it again."""
    selector = {"e2e": box.key, "color": ["red", "green"]}
    with front.start(box=box, label_selector=selector) as run:
        run.wait_until_open()
        box.create("a", color="red")
        box.create("b", color="blue")
        box.patch("a", {"metadata": {"labels": {"color": "blue"}}})
        box.patch("a", {"spec": {"unseen": True}})
        box.patch("a", {"metadata": {"labels": {"color": "green"}}})
        changes = run.take(3, quiet=0.05)
    assert changes == [("created", "a"), ("deleted", "a"), ("created", "a")]


def test_field_selector(front: Front, box: Box) -> None:
    """A field selector works together with a label selector."""
    with front.start(box=box, field_selector=f"metadata.name!={box.name('a')}") as run:
        run.wait_until_open()
        box.create("a")
        box.create("b")
        assert run.take(1, quiet=0.05) == [("created", "b")]


def test_s34_stored_cursor(front: Front, box: Box) -> None:
    """A watch that begins at the cursor of another one goes on with the very next event."""
    status = WatchStatus()
    begin = box.version()
    for number in range(6):
        box.create(str(number))
    with front.config.client() as client:
        events = watch(
            client, "wd", label_selector=box.selector, resource_version=begin, status=status
        )
        seen = [event.obj["metadata"]["name"] for event in islice(events, 3)]
        events.close()
    assert seen == [box.name(str(number)) for number in range(3)]
    with front.start(box=box, resource_version=status.resource_version) as run:
        assert run.take(3, quiet=0.05) == [("created", str(number)) for number in (3, 4, 5)]


def test_s24_clean_close_resumes_at_last_rv(fronts: list[Front], box: Box) -> None:
    """A server that ends each watch after a second loses nothing and repeats nothing."""
    with ExitStack() as stack:
        runs = [
            stack.enter_context(front.start(box=box, timeout_seconds=1, namespace=box.namespace))
            for front in fronts
        ]
        for run in runs:
            run.wait_until_open()
        written: list[str] = []
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            written.append(box.create(f"n-{len(written)}")["metadata"]["resourceVersion"])
            time.sleep(0.02)
        for run in runs:
            run.take(len(written), quiet=0.05)
    for run in runs:
        assert versions(run.events) == written
        assert run.status.connects >= 3


def test_s25_server_timeout_without_events(fronts: list[Front], box: Box) -> None:
    """Watches that end without an event go on, and the next event comes."""
    with ExitStack() as stack:
        runs = [
            stack.enter_context(front.start(box=box, timeout_seconds=1, namespace=box.namespace))
            for front in fronts
        ]
        for run in runs:
            wait_for(lambda run=run: run.status.connects >= 3)  # type: ignore[misc]
        box.create("late")
        for run in runs:
            assert run.take(1, quiet=0.05) == [("created", "late")]
            assert run.status.last_error is None


def test_s26_cut_in_the_middle_of_an_event(front: Front, box: Box, proxy: Proxy) -> None:
    """Connections that are cut in the middle of an event lose nothing and repeat nothing."""
    chance = Random(26)
    soon = Backoff(initial=0.1, maximum=0.3)
    with front.start(box=box, client={"base_url": proxy.url}, backoff=soon) as run:
        run.wait_until_open()
        written: list[str] = []
        for number in range(3):
            proxy.cut(after=chance.randrange(1, 20_000))
            for part in range(20):
                obj = box.create(f"n-{number}-{part}", {"text": "x" * 1_000})
                written.append(obj["metadata"]["resourceVersion"])
            run.take(len(written))
        run.take(len(written), quiet=0.05)
    assert proxy.cuts == 3
    assert versions(run.events) == written
    assert run.status.connects >= 4


@pytest.mark.parametrize("front", ["watch"], indirect=True)
def test_s56_stop_event_ends_a_blocked_read(front: Front, box: Box) -> None:
    """A read that is blocked, over TLS, ends within 100 ms, as if the watch were exhausted."""
    with front.start(box=box) as run:
        run.wait_until_open()
        time.sleep(0.1)
        began = time.monotonic()  # the end of the block sets the stop event
    assert time.monotonic() - began < 0.1
    assert run.error is None


@pytest.mark.parametrize("front", ["awatch-asyncio", "awatch-trio"], indirect=True)
def test_cancelling_ends_a_blocked_read(front: Front, box: Box) -> None:
    """The task ends promptly when it is cancelled."""
    with front.start(box=box) as run:
        run.wait_until_open()
        began = time.monotonic()
    assert time.monotonic() - began < 0.5


def test_metadata_only(front: Front, box: Box) -> None:
    """The objects hold apiVersion, kind and metadata, and nothing else."""
    with front.start(box=box, metadata_only=True) as run:
        run.wait_until_open()
        created = box.create("a", {"color": "red"})
        run.take(1)
    obj = run.events[0].obj
    assert set(obj) == {"apiVersion", "kind", "metadata"}
    assert obj["kind"] == "PartialObjectMetadata"
    assert obj["metadata"] == created["metadata"]


def test_bookmarks(fronts: list[Front], box: Box) -> None:
    """On request a bookmark is yielded: the server sends one before it ends a watch."""
    options: Object = {"allow_bookmarks": True, "timeout_seconds": 3}
    with ExitStack() as stack:
        runs = [stack.enter_context(front.start(box=box, **options)) for front in fronts]
        for run in runs:
            run.wait_until_open()
        box.create("a")
        for run in runs:
            assert run.take(2)[:2] == [("created", "a"), ("bookmark", "")]
    for run in runs:
        assert int(run.events[1].resource_version) >= int(run.events[0].resource_version)
        assert run.status.events == 1


@pytest.mark.parametrize("kind", ["Widget", "widgets", "widget", "wd", "WIDGETS.example.com"])
def test_names_of_a_kind(front: Front, box: Box, kind: str) -> None:
    """Kind, plural, singular, short name and the name with its group mean the same."""
    with front.start(kind, box=box) as run:
        run.wait_until_open()
        box.create("a")
        assert run.take(1) == [("created", "a")]


@pytest.mark.parametrize(
    "arguments",
    [
        {"api_version": "example.com/v1"},
        {"kind": None, "resource_path": "/apis/example.com/v1/namespaces/{namespace}/widgets"},
    ],
)
def test_other_ways_to_say_what(front: Front, box: Box, arguments: Object) -> None:
    """A group version, or a path instead of a kind."""
    with front.start(box=box, namespace=box.namespace, **arguments) as run:
        run.wait_until_open()
        box.create("a")
        assert run.take(1) == [("created", "a")]


def test_cluster_scoped(front: Front, api: httpx.Client, box: Box) -> None:
    """A kind that has no namespaces."""
    with front.start("CustomResourceDefinition", name="widgets.example.com") as run:
        run.wait_until_open()
        headers = {"Content-Type": "application/merge-patch+json"}
        patch: dict[str, Any] = {"metadata": {"annotations": {"e2e": f"{box.key}-{front.name}"}}}
        url = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
        api.patch(url, json=patch, headers=headers).raise_for_status()
        run.take(1)
    assert run.events[0].event_type == "modified"
    annotations = run.events[0].obj["metadata"]["annotations"]
    assert annotations["e2e"] == patch["metadata"]["annotations"]["e2e"]


def test_client_certificate(front: Front, box: Box, certificate: KubeConfig) -> None:
    """A context with a client certificate instead of a token."""
    with Front(front.name, certificate).start(box=box) as run:
        run.wait_until_open()
        box.create("a")
        assert run.take(1) == [("created", "a")]
