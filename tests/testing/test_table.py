"""`kwatch.testing._table`: the table that kubectl prints."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from kwatch.testing._table import age
from tests.testing.asking import (
    DEFAULT_PODS,
    DEFAULT_WIDGETS,
    WIDGETS,
    events,
    names_of,
    refused,
    watch,
    widget,
)

A = f"{DEFAULT_WIDGETS}/a"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
KUBECTL = f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


def test_unknown_rows(server: FakeAPIServer, client: httpx.Client) -> None:
    server.create("Widget", "a")
    why = "includeObject: Invalid value: \"Foo\": must be 'Metadata', 'Object', 'None', or empty"
    said = f"Unable to convert to Table as requested: {why}"
    for path in (WIDGETS, A):
        response = client.get(path, headers={"Accept": TABLE}, params={"includeObject": "Foo"})
        assert refused(response) == (400, "BadRequest", said)
    assert client.get(WIDGETS, params={"includeObject": "Foo"}).is_success, "it is no table"


def test_an_error_is_no_table(client: httpx.Client) -> None:
    assert refused(client.get(A, headers={"Accept": KUBECTL}))[:2] == (404, "NotFound")
    other = TABLE.replace("v=v1", "v=v1beta1")
    assert refused(client.get(WIDGETS, headers={"Accept": other}))[:2] == (406, "NotAcceptable")


def test_a_list_as_a_table(server: FakeAPIServer, client: httpx.Client) -> None:
    made = [server.create("Widget", name, spec={"x": 1}) for name in "ab"]
    table = client.get(WIDGETS, headers={"Accept": KUBECTL}).json()
    assert list(table) == ["kind", "apiVersion", "metadata", "columnDefinitions", "rows"]
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"] == {"resourceVersion": "3"}
    columns = [{**each, "description": ""} for each in table["columnDefinitions"]]
    common = {"type": "string", "description": "", "priority": 0}
    assert columns == [
        {"name": "Name", **common, "format": "name"},
        {"name": "Age", **common, "type": "date", "format": ""},
    ]
    part = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    rows = [
        {"cells": [obj["metadata"]["name"], "0s"], "object": {**part, "metadata": obj["metadata"]}}
        for obj in made
    ]
    for row in table["rows"]:
        assert row["cells"][1] in ("0s", "1s", "2s")
        row["cells"][1] = "0s"
    assert table["rows"] == rows


def test_a_page_of_a_table(server: FakeAPIServer, client: httpx.Client) -> None:
    for name in "abc":
        server.create("Widget", name)
    client.headers["Accept"] = KUBECTL
    first = client.get(WIDGETS, params={"limit": "2"}).json()
    assert first["metadata"]["remainingItemCount"] == 1
    more = {"limit": "2", "continue": first["metadata"]["continue"]}
    last = client.get(WIDGETS, params=more).json()
    assert [row["cells"][0] for row in first["rows"] + last["rows"]] == list("abc")
    nothing = client.get(WIDGETS, params={"labelSelector": "no"}).json()
    assert (nothing["rows"], len(nothing["columnDefinitions"])) == ([], 2)


def test_an_object_as_a_table(server: FakeAPIServer, client: httpx.Client) -> None:
    made = server.create("Widget", "a", spec={"x": 1})
    expected: dict[str, Any] = {
        "Object": made,
        "None": None,
        "Metadata": {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": made["metadata"],
        },
    }
    for rows, held in expected.items():
        params = {"includeObject": rows}
        table = client.get(A, headers={"Accept": TABLE}, params=params).json()
        assert table["metadata"] == {"resourceVersion": "2"}
        assert [row["object"] for row in table["rows"]] == [held]
    created = client.post(DEFAULT_WIDGETS, json=widget("b"), headers={"Accept": TABLE})
    assert (created.status_code, created.json()["kind"]) == (201, "Table")


def test_a_watch_of_tables_says_what_the_columns_are_once(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    server.create("Widget", "a")
    params = {"allowWatchBookmarks": "1", "sendInitialEvents": "1"}
    params["resourceVersionMatch"] = "NotOlderThan"
    with watch(client, WIDGETS, accept=KUBECTL, **params) as response:
        server.delete("Widget", "a")
        server.close_watches()
        added, bookmark, deleted = events(response)
    assert [event_type for event_type, _ in (added, bookmark, deleted)] == [
        "ADDED",
        "BOOKMARK",
        "DELETED",
    ]
    assert [len(obj["columnDefinitions"] or []) for _, obj in (added, bookmark, deleted)] == [
        2,
        0,
        0,
    ]
    assert bookmark[1]["rows"][0]["cells"] == ["", None]
    mark = {"k8s.io/initial-events-end": "true"}
    assert bookmark[1]["rows"][0]["object"]["metadata"]["annotations"] == mark
    assert deleted[1]["rows"][0]["object"]["metadata"]["resourceVersion"] == "3"


def test_kubectl_gets_plain_json_where_it_asks_for_that(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    server.create("Pod", "a")
    assert names_of(client.get(DEFAULT_PODS, headers={"Accept": "application/json"}).json()) == "a"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 3, "2m3s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE + 59, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 5 * MINUTE, "3h5m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + 5 * HOUR, "2d5h"),
        (8 * DAY, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 40 * DAY, "2y40d"),
        (9 * YEAR + 40 * DAY, "9y"),
    ],
)
def test_ages_are_said_as_kubectl_says_them(seconds: int, said: str) -> None:
    born = (NOON - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert age(born, NOON) == said
