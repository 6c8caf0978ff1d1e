"""Shell completion: what can come next, asked of the cluster that the typed options name.

A person waits for it: it takes two seconds at most, and is silent on any error.
"""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeAlias

import click
import httpx

from kwatch import KubeConfig, StopEvent
from kwatch._discovery import discover, served
from kwatch._entry import Entry
from kwatch._http import Reply, Request
from kwatch._query import Query
from kwatch._sync import answer
from kwatch._wire import Wire

SECONDS = 2.0

Complete: TypeAlias = Callable[[click.Context, click.Parameter, str], list[str]]


def _silent(complete: Callable[[click.Context, str], list[str]]) -> Complete:
    """Have what completes give nothing instead of raising, and only what begins as typed."""

    @wraps(complete)
    def completed(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        try:
            found = complete(ctx, incomplete)
        except Exception:  # a person is typing, and cannot do anything about it now
            return []
        return sorted(it for it in set(found) if it.startswith(incomplete))

    return completed


@_silent
def kinds(ctx: click.Context, incomplete: str) -> list[str]:
    """Complete RESOURCE: plural names, with the group where there are several; or KIND/NAME."""
    kind, slash, _ = incomplete.partition("/")
    with _reached(ctx) as (config, wire):
        if slash:
            return [f"{kind}/{name}" for name in _names(ctx, config, wire, kind)]
        found = answer(wire, served())
    watchable = {it.full_name: it for it in found if "watch" in it.verbs}.values()
    plurals = [it.plural for it in watchable]
    return [it.plural if plurals.count(it.plural) == 1 else it.full_name for it in watchable]


@_silent
def names(ctx: click.Context, _: str) -> list[str]:
    """Complete NAME."""
    kind = ctx.params.get("kind")
    if not kind or "/" in kind:
        return []
    with _reached(ctx) as (config, wire):
        return _names(ctx, config, wire, kind)


@_silent
def namespaces(ctx: click.Context, _: str) -> list[str]:
    """Complete a namespace."""
    with _reached(ctx) as (_config, wire):
        return answer(wire, _listed("/api/v1/namespaces"))


@_silent
def contexts(ctx: click.Context, _: str) -> list[str]:
    """Complete a context, from the kubeconfig."""
    given = ctx.params.get("kubeconfig")
    listed = [given] if given else os.environ.get("KUBECONFIG", "").split(os.pathsep)
    paths = [Path(os.path.expanduser(it)) for it in listed if it] or [Path("~/.kube/config")]
    found: list[str] = []
    for path in paths:
        with suppress(Exception):  # the next one may be better
            found += Entry.of_file(path.expanduser()).entries("context")
    return found


@contextmanager
def _reached(ctx: click.Context) -> Iterator[tuple[KubeConfig, Wire]]:
    """Have a client of the cluster, which gives up in time."""
    stop_event = StopEvent()
    config = KubeConfig.load(ctx.params.get("kubeconfig"), ctx.params.get("context"))
    timer = threading.Timer(SECONDS, stop_event.set)
    timer.start()
    try:
        with config.client(timeout=httpx.Timeout(SECONDS)) as client:
            yield config, Wire(client, stop_event)
    finally:
        timer.cancel()


def _names(ctx: click.Context, config: KubeConfig, wire: Wire, kind: str) -> list[str]:
    resource = answer(wire, discover(kind, ctx.params.get("api_version"), now=time.time))
    if not resource.namespaced or ctx.params.get("all_namespaces"):
        return answer(wire, _listed(resource.path()))
    found: list[str] = []
    for namespace in ctx.params.get("namespace") or (config.namespace,):
        found += answer(wire, _listed(resource.path(namespace)))
    return found


def _listed(path: str) -> Generator[Request, Reply, list[str]]:
    """Ask for the names of objects."""
    reply = yield Query.of(resource_path=path).list_request(path, metadata=True)
    found: list[dict[str, Any]] = reply.json()["items"]
    return [item["metadata"]["name"] for item in found]
