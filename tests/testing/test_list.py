"""`kwatch.testing._list`: a list, page by page."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import AS_METADATA_LIST, PODS, WIDGETS, names_of, untyped


def pages(client: httpx.Client, path: str = PODS, **params: str) -> Iterator[dict[str, Any]]:
    """The pages of a list; what comes after the first is asked for as the real server wants it."""
    page = client.get(path, params=params).json()
    yield page
    rest = {name: text for name, text in params.items() if not name.startswith("resourceVersion")}
    while more := page["metadata"].get("continue"):
        assert more != rest.get("continue"), page
        rest["continue"] = more
        page = client.get(path, params=rest).json()
        yield page


def test_all_pages_show_the_state_of_the_first(server: FakeAPIServer, client: httpx.Client) -> None:
    """Whatever happens in between: the state is that of one revision, in the order of the keys."""
    old = [server.create("Pod", name, space) for space in ("a", "a-b") for name in "gecdab"]
    expected = sorted(old, key=lambda pod: "{namespace}/{name}".format_map(pod["metadata"]))
    reading = pages(client, limit="5")
    seen = [next(reading)]
    server.patch("Pod", "c", "a", labels={"x": "1"})
    server.patch("Pod", "c", "a", labels={"x": "2"})
    server.delete("Pod", "d", "a")
    server.create("Pod", "d", "a")
    server.create("Pod", "f", "a")
    server.delete("Pod", "f", "a")
    server.create("Pod", "f", "a")
    server.delete("Pod", "g", "a-b")
    server.create("Widget", "b", "a")
    seen += reading
    assert [pod for page in seen for pod in page["items"]] == [untyped(pod) for pod in expected]
    assert expected[0]["metadata"]["namespace"] == "a-b"
    assert [len(page["items"]) for page in seen] == [5, 5, 2]
    assert [page["metadata"].get("remainingItemCount") for page in seen] == [7, 2, None]
    assert {page["metadata"]["resourceVersion"] for page in seen} == {"13"}
    assert "continue" not in seen[-1]["metadata"]


def test_a_page_that_ends_with_the_last_object_is_the_last(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    for name in "abcd":
        server.create("Widget", name)
    server.create("Widget", "z", "shop")
    path = WIDGETS.replace("widgets", "namespaces/default/widgets")
    assert [names_of(page) for page in pages(client, path, limit="2")] == ["ab", "cd"]
    for limit in ("0", "-1", "4", "5"):
        assert [names_of(page) for page in pages(client, path, limit=limit)] == ["abcd"]


def test_pages_under_a_selector_count_nothing_and_the_last_may_be_empty(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    """The server looks for another object when it fills a page, not for another that matches."""
    for name in "abcd":
        server.create("Pod", name, labels={"odd": str(name in "ac")})
    for selector in ({"labelSelector": "odd=True"}, {"fieldSelector": "metadata.name!=b"}):
        listed = list(pages(client, limit="2", **selector))
        assert names_of(listed[0]) == "ac"
        assert all("remainingItemCount" not in page["metadata"] for page in listed)
    assert [names_of(page) for page in pages(client, limit="2", labelSelector="odd=True")] == [
        "ac",
        "",
    ]


def test_pages_of_metadata(server: FakeAPIServer, client: httpx.Client) -> None:
    for name in "abc":
        server.create("Pod", name)
    client.headers["Accept"] = f"{AS_METADATA_LIST},application/json"
    listed = list(pages(client, limit="2"))
    assert [names_of(page) for page in listed] == ["ab", "c"]
    assert listed[0]["metadata"]["remainingItemCount"] == 1


def test_an_expired_continue_token_offers_the_rest_as_it_is_now(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    for name in "abcd":
        server.create("Pod", name)
    more = client.get(PODS, params={"limit": "2"}).json()["metadata"]["continue"]
    server.compact()
    assert names_of(client.get(PODS, params={"continue": more}).json()) == "cd"
    server.delete("Pod", "c")
    assert names_of(client.get(PODS, params={"continue": more}).json()) == "cd"
    server.compact()
    refused = client.get(PODS, params={"limit": "1", "continue": more})
    status = refused.json()
    offered = status["metadata"].pop("continue")
    assert refused.status_code == 410
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "The provided continue parameter is too old to display a consistent list "
        "result. You can start a new list without the continue parameter, or use the continue "
        "token in this response to retrieve the remainder of the results. Continuing with the "
        "provided token results in an inconsistent list - objects that were created, modified, or "
        "deleted between the time the first chunk was returned and now may show up in the list.",
        "reason": "Expired",
        "code": 410,
    }
    server.create("Pod", "e")
    rest = list(pages(client, limit="1", **{"continue": offered}))
    assert [names_of(page) for page in rest] == ["d", "e"]
    assert {page["metadata"]["resourceVersion"] for page in rest} == {"7"}


@pytest.mark.parametrize(
    ("params", "revision", "expected"),
    [
        ({}, "4", "abc"),
        ({"resourceVersion": ""}, "4", "abc"),
        ({"resourceVersion": "0"}, "4", "abc"),
        ({"resourceVersion": "00"}, "4", "abc"),
        ({"resourceVersion": "2"}, "4", "abc"),
        ({"resourceVersion": "0", "limit": "1"}, "4", "abc"),
        (
            {"resourceVersion": "0", "limit": "1", "resourceVersionMatch": "NotOlderThan"},
            "4",
            "abc",
        ),
        ({"resourceVersion": "2", "resourceVersionMatch": "NotOlderThan"}, "4", "abc"),
        ({"resourceVersion": "2", "resourceVersionMatch": "NotOlderThan", "limit": "1"}, "4", "a"),
        ({"resourceVersion": "4", "limit": "2"}, "4", "ab"),
        ({"resourceVersion": "3", "limit": "2"}, "3", "bc"),
        ({"resourceVersion": "2", "limit": "2"}, "2", "c"),
        ({"resourceVersion": "3", "resourceVersionMatch": "Exact"}, "3", "bc"),
        ({"resourceVersion": "3", "resourceVersionMatch": "Exact", "limit": "1"}, "3", "b"),
        ({"resourceVersion": "1", "resourceVersionMatch": "Exact"}, "1", ""),
    ],
)
def test_resource_versions_of_a_list(
    server: FakeAPIServer,
    client: httpx.Client,
    params: dict[str, str],
    revision: str,
    expected: str,
) -> None:
    for name in "cba":
        server.create("Pod", name)
    listed = client.get(PODS, params=params).json()
    assert (listed["metadata"]["resourceVersion"], names_of(listed)) == (revision, expected)


@pytest.mark.parametrize(
    ("params", "exact"),
    [
        ({}, False),
        ({"limit": "1"}, True),
        ({"resourceVersionMatch": "Exact"}, True),
        ({"resourceVersionMatch": "NotOlderThan", "limit": "1"}, False),
    ],
)
def test_a_list_at_a_resource_version_that_is_gone_or_not_yet_there(
    server: FakeAPIServer, client: httpx.Client, params: dict[str, str], exact: bool
) -> None:
    server.create("Pod", "a")
    server.create("Pod", "b")
    server.compact()
    assert client.get(PODS, params={"resourceVersion": "3", **params}).status_code == 200
    gone = client.get(PODS, params={"resourceVersion": "2", **params})
    assert gone.status_code == (410 if exact else 200)
    if exact:
        assert (gone.json()["reason"], gone.json()["message"]) == (
            "Expired",
            "The resourceVersion for the provided list is too old.",
        )
    early = client.get(PODS, params={"resourceVersion": "4", **params})
    assert (early.status_code, early.headers["Retry-After"]) == (504, "1")
    assert early.json()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
