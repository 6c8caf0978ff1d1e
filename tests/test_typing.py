"""What a type checker sees of the public API; mypy checks this file, and it runs as well."""

from contextlib import aclosing
from pathlib import Path
from typing import Any, assert_type

import anyio
import httpx

import kwatch
from kwatch import Event, EventType, Source, amerge, awatch, merge, replay, watch
from kwatch.testing import FakeAPIServer
from tests.recordings import record


def test_an_event_unpacks_into_its_types() -> None:
    with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
        server.create("Pod", "web")
        events = watch(client, "Pod", resource_version="0")
        for event_type, obj in events:
            assert_type(event_type, EventType)
            assert_type(obj, dict[str, Any])
            break
        server.create("Pod", "db")
        event = next(events)
        assert_type(event, Event)
        assert_type(event.resource_version, str)
        events.close()


def test_an_async_event_unpacks_into_its_types() -> None:
    async def main(url: str) -> None:
        async with httpx.AsyncClient(base_url=url) as client:
            events = awatch(client, "Pod", resource_version="0")
            async for event_type, obj in events:
                assert_type(event_type, EventType)
                assert_type(obj, dict[str, Any])
                break
            await events.aclose()

    with FakeAPIServer() as server:
        server.create("Pod", "web")
        anyio.run(main, server.url)


def test_merged_events_keep_their_types() -> None:
    with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
        server.create("Pod", "web")
        source = Source("named", watch(client, "Pod", resource_version="0"))
        events = merge(source, watch(client, "Pod", resource_version="0"))
        for name, (event_type, obj) in events:
            assert_type(name, int | str)
            assert_type(event_type, EventType)
            assert_type(obj, dict[str, Any])
            break
        events.close()


def test_merged_async_events_keep_their_types() -> None:
    async def main(url: str) -> None:
        async with httpx.AsyncClient(base_url=url) as client:
            source = Source("named", awatch(client, "Pod", resource_version="0"))
            async with aclosing(amerge(source)) as events:
                async for name, (event_type, obj) in events:
                    assert_type(name, int | str)
                    assert_type(event_type, EventType)
                    assert_type(obj, dict[str, Any])
                    break

    with FakeAPIServer() as server:
        server.create("Pod", "web")
        anyio.run(main, server.url)


def test_an_event_of_a_recording_has_the_same_types(tmp_path: Path) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "web", "resourceVersion": "7"}}
    record(tmp_path / "pods.kwatch", [Event(EventType.CREATED, pod)])
    for event_type, obj in replay(tmp_path / "pods.kwatch"):
        assert_type(event_type, EventType)
        assert_type(obj, dict[str, Any])


def test_the_version_is_a_str() -> None:
    assert_type(kwatch.__version__, str)
