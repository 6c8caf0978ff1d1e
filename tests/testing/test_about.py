"""`kwatch.testing._about`: the version, the health and the paths of the server."""

import httpx
import pytest

from kwatch.testing import FakeAPIServer


def test_a_path_that_is_about_nothing_is_answered_with_the_index(client: httpx.Client) -> None:
    index = client.get("/").json()
    for path in ("/nope", "/openapi/v9", "/healthz/nope", "/apix"):
        response = client.get(path)
        assert (response.status_code, response.json()) == (404, index)
    assert set(index["paths"]) >= {
        "/api",
        "/api/v1",
        "/apis",
        "/apis/apps",
        "/apis/apps/v1",
        "/healthz",
        "/livez",
        "/openapi/v3",
        "/readyz",
        "/version",
    }
    for path in index["paths"]:
        assert client.get(path).is_success, path


@pytest.mark.parametrize("name", ["healthz", "livez", "readyz"])
def test_the_server_is_well(client: httpx.Client, name: str) -> None:
    for path in (f"/{name}", f"/{name}/ping"):
        response = client.get(path)
        assert (response.status_code, response.text) == (200, "ok")
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert client.get(f"/{name}?verbose").text == f"[+]ping ok\n{name} check passed\n"


def test_the_version_says_that_it_is_a_fake(client: httpx.Client) -> None:
    version = client.get("/version").json()
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"].endswith("+kwatch")


def test_a_token_is_required_here_too() -> None:
    with FakeAPIServer(token="secret") as server:
        for path in ("/", "/version", "/livez", "/nope"):
            assert httpx.get(f"{server.url}{path}").status_code == 401
