"""The commands that ask a server: ``watch``, ``record`` and ``demo``."""

import logging
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import Any, NamedTuple

import httpx

from kwatch import Event, KubeConfig, KwatchError, StopEvent, WatchStatus
from kwatch._header import Header
from kwatch._http import Reply, Request
from kwatch._recording import Recorder
from kwatch._sync import answer
from kwatch._wire import Wire
from kwatch.cli._demo import Demo, demo
from kwatch.cli._ending import Ending, NotReachedError
from kwatch.cli._follow import follow
from kwatch.cli._output import logged, say
from kwatch.cli._progress import Progress
from kwatch.cli._selection import Found, Selection
from kwatch.cli._style import is_terminal
from kwatch.cli._views import Screen


def show(values: dict[str, Any]) -> None:
    """Show what is selected.

    Args:
        values: Those of the options.

    Raises:
        click.UsageError: The options contradict each other.
        KwatchError, httpx.HTTPError, ValueError, OSError: It cannot be watched.
    """
    _show(values, _configured(values))


def show_demo(values: dict[str, Any]) -> None:
    """Show what lives on a server in this process; the arguments and errors are those of `show`."""
    kind = values["kind"] or (None if values["resource_path"] else "pods")
    values = {**values, "kind": kind}
    values["all_namespaces"] = values["all_namespaces"] or not values["namespace"]
    has_lines = values["output"] is not None or values["allow_bookmarks"]
    if not has_lines and is_terminal(sys.stdout):
        values["table"] = True
    _show(values, demo(faults=values["faults"]))


def record(values: dict[str, Any]) -> None:
    """Record what is selected; the arguments and errors are those of `show`."""
    selection = Selection.of(values)
    ending = Ending.of(values, is_whole=selection.is_whole)
    path, status, is_recorded = values["file"], WatchStatus(), False
    until = ending.until(status, selection.ends)
    if os.path.lexists(path) and not values["overwrite"]:
        raise _exists(path)
    with (
        _logged(values),
        ending.deadline() as stop_event,
        _reached(selection, _configured(values), stop_event) as it,
    ):
        with (
            _recording(path, it.header(), overwrite=values["overwrite"]) as recorder,
            Progress(it.found.title, status, silent=True) as progress,
            closing(it.events(status, loads=recorder.loads)) as events,
        ):
            follow(events, [recorder.write, progress.show], until, stop_event)
        is_recorded = True
    ending.check(until, stop_event)
    if not is_recorded:
        raise NotReachedError(f"timed out after {ending.seconds:g} s: nothing is recorded")


@contextmanager
def _recording(path: str, header: Header, *, overwrite: bool) -> Iterator[Recorder]:
    """Make a file; leave none that an error kept empty. In the end it is told what is in it."""
    try:
        recorder = Recorder.create(path, header, overwrite=overwrite)
    except FileExistsError:
        raise _exists(path) from None
    try:
        with recorder:
            yield recorder
    except Exception:
        if not (recorder.frames or overwrite):
            os.unlink(path)
        raise
    finally:
        if os.path.lexists(path):
            frames, are = ("frame", "is") if recorder.frames == 1 else ("frames", "are")
            say(f"{recorder.frames} {frames} of {header.resource} {are} in {path}")


def _show(values: dict[str, Any], place: AbstractContextManager[Demo]) -> None:
    selection, screen = Selection.of(values), Screen.of(values)
    ending = Ending.of(values, is_whole=selection.is_whole)
    status = WatchStatus()
    until = ending.until(status, selection.ends)
    with (
        _logged(values),
        ending.deadline() as stop_event,
        _reached(selection, place, stop_event) as it,
    ):
        view = screen.view(it.title, kind=it.found.kind, status=status, hint=it.hint)
        if it.hint and not screen.table:
            say(f"keys: {it.hint.replace('  ', ', ')}")
        with (
            closing(it.events(status)) as events,
            Progress(it.found.title, status) as progress,
            view,
        ):
            follow(events, [progress.show, view.show], until, stop_event)
    ending.check(until, stop_event, status)


def _exists(path: str) -> KwatchError:
    return KwatchError(f"{path}: there is a file of that name; --overwrite replaces it")


def _logged(values: dict[str, Any]) -> AbstractContextManager[None]:
    return logged(logging.INFO if values["verbose"] else logging.WARNING)


@contextmanager
def _configured(values: dict[str, Any]) -> Iterator[Demo]:
    """Give the way to the server that the options name."""
    yield Demo(KubeConfig.load(values["kubeconfig"], values["context"]), "")


class _Reached(NamedTuple):
    """A server, and what it has of what was asked for."""

    config: KubeConfig
    hint: str
    client: httpx.Client
    found: Found
    stop_event: StopEvent

    @property
    def title(self) -> str:
        """Say what is watched where."""
        namespaces = ", ".join(self.found.namespaces)
        if not namespaces:
            is_cluster_scoped = (
                self.found.resource is not None and not self.found.resource.namespaced
            )
            namespaces = "" if is_cluster_scoped else "all namespaces"
        parts = (self.found.title, namespaces, self.config.context, self.config.server)
        return " · ".join(filter(None, parts))

    def events(self, status: WatchStatus, **options: Any) -> Generator[Event, None, None]:
        """Watch it."""
        return self.found.events(self.client, status=status, stop_event=self.stop_event, **options)

    def header(self) -> Header:
        """Make the header of a recording."""
        version = None
        with suppress(httpx.HTTPError, KwatchError):  # it may refuse to tell
            version = answer(Wire(self.client, self.stop_event), _server_version())
        options = self.found.options
        return Header(
            server=self.config.server,
            resource=self.found.title,
            path=self.found.path,
            namespace=self.found.namespace,
            label_selector=options["label_selector"],
            field_selector=options["field_selector"],
            server_version=version,
        )


@contextmanager
def _reached(
    selection: Selection, place: AbstractContextManager[Demo], stop_event: StopEvent
) -> Iterator[_Reached]:
    """Have a client, and find what is selected."""
    with place as (config, hint), config.client() as client:
        found = selection.find(client, config.namespace, stop_event)
        yield _Reached(config, hint, client, found, stop_event)


def _server_version() -> Generator[Request, Reply, str | None]:
    reply = yield Request("/version")
    version = reply.json().get("gitVersion")
    return version if isinstance(version, str) else None
