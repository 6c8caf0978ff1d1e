"""What goes wrong before the first event shows itself at once."""

import socket
import ssl
import time

import httpx
import pytest

from kwatch import ExpiredError, KubeConfig, StatusError, UnknownKindError

from .live import Box, Front

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("api")]


def test_s11_wrong_token(front: Front) -> None:
    """A token that the server does not know is 401, at once."""
    if front.config.auth is None:
        pytest.skip("the context has no token that could be wrong")
    began = time.monotonic()
    client = {"auth": None, "headers": {"Authorization": "Bearer wrong"}}
    error = front.fails(client=client)
    assert isinstance(error, StatusError)
    assert error.code == 401
    assert time.monotonic() - began < 3


def test_s11_no_rights(front: Front, nobody: KubeConfig) -> None:
    """One who may not list widgets is told so, in the server's words."""
    error = Front(front.name, nobody).fails(kind=None, resource_path="/apis/example.com/v1/widgets")
    assert isinstance(error, StatusError)
    assert (error.code, error.reason) == (403, "Forbidden")
    assert "widgets" in error.message


def test_unknown_kind(front: Front) -> None:
    """A misspelt kind is answered with names that the server does know."""
    error = front.fails(kind="Wigdet")
    assert isinstance(error, UnknownKindError)
    assert any("widget" in name.lower() for name in error.near)


def test_s11_unknown_path(front: Front) -> None:
    """A path that the server does not serve is 404, at once."""
    error = front.fails(kind=None, resource_path="/apis/example.com/v1/gadgets")
    assert isinstance(error, StatusError)
    assert error.code == 404


@pytest.mark.real_only("the fake server has no TLS")
def test_wrong_authority(front: Front) -> None:
    """A certificate of an authority that is not trusted is a ConnectError."""
    error = front.fails(client={"verify": ssl.create_default_context()})
    assert isinstance(error, httpx.ConnectError)
    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    assert any("certificate verify failed" in str(cause).lower() for cause in causes)


def test_field_that_cannot_be_selected(front: Front) -> None:
    """A field selector that the server refuses is 400."""
    error = front.fails(field_selector="spec.color=red")
    assert isinstance(error, StatusError)
    assert error.code == 400
    assert "spec.color" in error.message


@pytest.mark.parametrize("resource_version", ["abc", "-1"])
def test_resource_version_that_is_none(front: Front, resource_version: str) -> None:
    """A resource version that the server cannot read is an error in its words, and no loop."""
    error = front.fails(resource_version=resource_version)
    assert isinstance(error, StatusError)
    assert not isinstance(error, ExpiredError)
    assert "resourceVersion" in error.message


def test_s35_resource_version_too_old(front: Front, box: Box) -> None:
    """A resource version whose events are gone is an ExpiredError that says what to do."""
    error = front.fails(box=box, resource_version="1")
    assert isinstance(error, ExpiredError)
    assert error.code == 410
    assert "send_initial_events=True" in error.message


def test_nobody_listens(front: Front) -> None:
    """An address where no server is: the transport's own error, at once."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{bound.getsockname()[1]}"
        error = front.fails(client={"base_url": url})
    assert isinstance(error, httpx.ConnectError)


def test_namespace_of_a_cluster_scoped_kind(front: Front) -> None:
    """A cluster-scoped kind has no namespace."""
    error = front.fails(kind="CustomResourceDefinition", namespace="default")
    assert isinstance(error, ValueError)
    assert "cluster" in str(error)
