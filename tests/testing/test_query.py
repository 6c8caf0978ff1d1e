"""`kwatch.testing._query`: the parameters of a list or a watch."""

import json

import httpx

from kwatch.testing import FakeAPIServer
from tests.testing.asking import watch


def test_an_older_server_refuses_send_initial_events() -> None:
    with FakeAPIServer(watch_list=False) as server, httpx.Client(base_url=server.url) as client:
        params = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        with watch(client, **params) as response:
            assert response.status_code == 422
            assert json.loads(response.read())["reason"] == "Invalid"
