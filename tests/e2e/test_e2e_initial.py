"""What exists comes first: by a streaming list, or by a list in pages."""

from collections import Counter
from typing import Any

import httpx
import pytest

from .live import Box, Front, Object, Run

pytestmark = pytest.mark.e2e

STREAMING = {
    "watch": "1",
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}


def stream(_: httpx.Request) -> None:
    """Leave a request as it is: the server streams what exists."""


def refuse(request: httpx.Request) -> None:
    """Have the server refuse (422) to stream what exists."""
    if "sendInitialEvents" in request.url.params:
        request.url = request.url.copy_remove_param("resourceVersionMatch")


WAYS = pytest.mark.parametrize("change", [stream, refuse])


def check_way(change: Any, run: Run) -> None:
    """See that what exists was asked for in the way that the test is about."""
    first = run.watches[0]
    assert {key: first.get(key) for key in STREAMING} == STREAMING
    assert "resourceVersion" not in first
    assert bool(run.lists) == (change is refuse)
    assert sum("sendInitialEvents" in params for params in run.watches) == 1


@WAYS
def test_s13_s17_what_exists_then_the_changes(front: Front, box: Box, change: Any) -> None:
    """Each object once, whole, as created; then the changes; no other label's objects."""
    existing = [box.create(name, {"color": "red", "number": 1}) for name in "abc"]
    with front.start(box=box, change=change, send_initial_events=True) as run:
        assert sorted(run.take(3)) == [("created", name) for name in "abc"]
        box.patch("b", {"spec": {"number": 2}})
        box.delete("a")
        box.create("d")
        changes = run.take(6, quiet=0.05)[3:]
    assert changes == [("modified", "b"), ("deleted", "a"), ("created", "d")]
    assert sorted((obj for _, obj in run.events[:3]), key=str) == sorted(existing, key=str)
    assert run.status.synced
    assert run.status.connects == 1
    check_way(change, run)


@WAYS
def test_objects_of_several_namespaces(
    front: Front, box: Box, two_namespaces: tuple[str, str], change: Any
) -> None:
    """Objects of one name in different namespaces are different objects."""
    boxes = [box, *(box.elsewhere(namespace) for namespace in two_namespaces)]
    for one in boxes:
        one.create("same")
        one.create(f"own-{one.namespace}")
    with front.start(box=box, change=change, send_initial_events=True) as run:
        run.take(6)
        boxes[1].delete("same")
        run.take(7, quiet=0.05)
    found = Counter(obj["metadata"]["namespace"] for _, obj in run.events[:6])
    assert found == {one.namespace: 2 for one in boxes}
    assert run.events[6].event_type == "deleted"
    assert run.events[6].obj["metadata"]["namespace"] == boxes[1].namespace
    check_way(change, run)


@WAYS
def test_one_namespace(
    front: Front, box: Box, two_namespaces: tuple[str, str], change: Any
) -> None:
    """What exists in another namespace than the one that is watched does not come."""
    box.create("here")
    box.elsewhere(two_namespaces[0]).create("there")
    options: Object = {"send_initial_events": True, "namespace": box.namespace}
    with front.start(box=box, change=change, **options) as run:
        assert run.take(1, quiet=0.05) == [("created", "here")]
    check_way(change, run)


@WAYS
def test_s22_nothing_exists(front: Front, box: Box, change: Any) -> None:
    """Nothing comes, the watch knows that it has all, and goes on from there."""
    with front.start(box=box, change=change, send_initial_events=True) as run:
        run.wait_until_synced()
        assert run.events == []
        assert run.status.resource_version is not None
        box.create("first")
        assert run.take(1, quiet=0.05) == [("created", "first")]
    check_way(change, run)


@WAYS
def test_selectors(front: Front, box: Box, change: Any) -> None:
    """Of what exists, too, only that comes which is selected."""
    for color in ("red", "green", "blue"):
        box.create(color, color=color)
    selector = {"e2e": box.key, "color": ["red", "green"]}
    options: Object = {
        "label_selector": selector,
        "field_selector": f"metadata.name!={box.name('red')}",
    }
    with front.start(box=box, change=change, send_initial_events=True, **options) as run:
        assert run.take(1, quiet=0.05) == [("created", "green")]
        box.patch("green", {"metadata": {"labels": {"color": "blue"}}})
        assert run.take(2, quiet=0.05)[1:] == [("deleted", "green")]
    check_way(change, run)


@WAYS
def test_one_object(front: Front, box: Box, change: Any) -> None:
    """One object by its name."""
    box.create("a")
    box.create("b")
    options: Object = {"label_selector": None, "name": box.name("a"), "send_initial_events": True}
    with front.start(box=box, change=change, **options) as run:
        assert run.take(1, quiet=0.05) == [("created", "a")]
    check_way(change, run)


@WAYS
def test_metadata_only(front: Front, box: Box, change: Any) -> None:
    """The server is asked for metadata alone, and the objects hold nothing else."""
    created = box.create("a", {"color": "red"})
    options: Object = {"metadata_only": True, "send_initial_events": True}
    with front.start(box=box, change=change, **options) as run:
        run.take(1)
        box.create("b", {"color": "red"})
        run.take(2, quiet=0.05)
    assert run.changes == [("created", "a"), ("created", "b")]
    assert all(set(obj) == {"apiVersion", "kind", "metadata"} for _, obj in run.events)
    assert {obj["kind"] for _, obj in run.events} == {"PartialObjectMetadata"}
    assert run.events[0].obj["metadata"] == created["metadata"]
    assert all("as=PartialObjectMetadata" in asked.accept for asked in run.asked)
    check_way(change, run)


@WAYS
def test_s14_the_end_is_a_bookmark_on_request(front: Front, box: Box, change: Any) -> None:
    """The bookmark comes after all that exists, and its version is the cursor."""
    for name in "abc":
        box.create(name)
    options: Object = {"allow_bookmarks": True, "send_initial_events": True}
    with front.start(box=box, change=change, **options) as run:
        changes = run.take(4)
        assert sorted(changes[:3]) == [("created", name) for name in "abc"]
        assert changes[3] == ("bookmark", "")
        end = run.events[3]
        assert run.cursor >= int(end.resource_version)
        box.create("d")
        assert run.take(5)[4] == ("created", "d")
    assert end.obj["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert all("annotations" not in event.obj["metadata"] for event in run.events[5:])
    assert int(end.resource_version) >= max(int(e.resource_version) for e in run.events[:3])
    assert (end.obj["apiVersion"], end.obj["kind"]) == ("example.com/v1", "Widget")
    assert run.status.events == 4
    check_way(change, run)


def test_more_objects_than_a_page_as_a_stream(front: Front, many: Box, box: Box) -> None:
    """All come on the connection that is watched afterwards."""
    _all_then_one_more(front, many, box, stream)


def test_s01_more_objects_than_a_page_in_pages(front: Front, many: Box, box: Box) -> None:
    """The second page is asked for by its token alone; the watch goes on from the list."""
    run = _all_then_one_more(front, many, box, refuse)
    first, second = run.lists
    selector = {"labelSelector": f"e2e in ({box.key},{many.key})"}
    assert first == selector | {"limit": "500"}
    assert second == selector | {"limit": "500", "continue": second["continue"]}
    assert second["continue"]
    assert run.watches[1]["resourceVersion"]


def _all_then_one_more(front: Front, many: Box, box: Box, change: Any) -> Run:
    selector = {"e2e": [box.key, many.key]}
    options: Object = {"label_selector": selector, "send_initial_events": True}
    with front.start(box=many, change=change, **options) as run:
        run.wait_until_synced()
        names = sorted(run.take(502))
        box.create("next")
        run.take(503, quiet=0.05)
    assert names == [("created", f"m-{number:03}") for number in range(502)]
    assert len(run.events) == 503
    assert run.events[502].obj["metadata"]["name"] == box.name("next")
    check_way(change, run)
    return run


def test_a_start_from_now_lists_metadata_in_pages(front: Front, many: Box) -> None:
    """Without `send_initial_events` what exists is listed, but only to know its versions."""
    with front.start(box=many) as run:
        run.wait_until_open()
        many.patch("m-000", {"spec": {"by": front.name}})
        assert run.take(1, quiet=0.05) == [("modified", "m-000")]
    assert [asked.params.get("limit") for asked in run.asked] == ["500", "500", None]
    assert all("as=PartialObjectMetadataList" in asked.accept for asked in run.asked[:2])
    assert run.asked[2].accept == "application/json"
