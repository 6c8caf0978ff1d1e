"""What the front ends keep and ask of the client that they are handed."""

import gc
import threading
from dataclasses import dataclass

import httpx
import pytest

import kwatch._client
from kwatch._abilities import Abilities
from kwatch._client import abilities_of


class Weakless:
    """No weak reference to it can be made."""

    __slots__ = ()


@dataclass
class Unhashable:
    """Equal to others, and so of no hash."""

    number: int = 0


@pytest.mark.parametrize("client", [Weakless(), Unhashable(), {}, 5, None])
def test_a_client_that_cannot_be_told_from_others_shares_nothing(client: object) -> None:
    found = abilities_of(client)
    found.no_streaming.add("/api/v1/pods")
    assert abilities_of(client) == Abilities()


def test_all_watches_of_one_client_share_what_was_found_out() -> None:
    with httpx.Client() as one:
        other = httpx.AsyncClient()
        abilities_of(one).no_streaming.add("/api/v1/pods")
        abilities_of(one).no_metadata.add("/api/v1/nodes")
        assert abilities_of(one).no_streaming == {"/api/v1/pods"}
        assert abilities_of(one).no_metadata == {"/api/v1/nodes"}
        assert abilities_of(other) == Abilities()


def test_it_is_forgotten_with_the_client() -> None:
    class Client:
        pass

    gc.collect()
    before = len(kwatch._client._abilities)
    client = Client()
    abilities_of(client).no_streaming.add("/api/v1/pods")
    assert len(kwatch._client._abilities) == before + 1
    del client
    gc.collect()
    assert len(kwatch._client._abilities) == before


def test_threads_that_ask_at_once_get_the_same() -> None:
    for _ in range(20):
        with httpx.Client() as client:
            ready = threading.Barrier(4)
            found: list[Abilities] = []

            def ask() -> None:
                ready.wait(10)  # noqa: B023 - joined below
                found.append(abilities_of(client))  # noqa: B023

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert [one is found[0] for one in found] == [True] * 4
