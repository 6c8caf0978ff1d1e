"""`Supervisor`: starts, restarts and stops watchers in threads."""

import time
from collections.abc import Callable, Hashable
from typing import Any, Self

from kwatch._child_spec import ChildSpec, ChildType
from kwatch._process import Process
from kwatch._supervising import Supervising


class Supervisor(Supervising, Process):
    """Starts its children in order, restarts those that fail, and stops them in reverse order.

    It is started by `start_link`, by `run`, or by ``with``, whose end stops it; it lives once. It
    is linked as the handle of a watcher is: when there were too many restarts, all children are
    stopped, and `run`, `join`, `stop` and ``with`` raise `WatcherFailed`, whose cause is what the
    last child has failed of.

    While a child starts, nothing else is done: an ``init`` that blocks holds up the end as well. A
    child that ends on purpose, such as by a ``stop_event``, should be ``"transient"``.

    Args:
        children: What ``child_spec()`` gives.
        strategy: What is restarted when a child has ended that is to be restarted.
            ``"one_for_one"``: that child. ``"one_for_all"``: all. ``"rest_for_one"``: that child
            and those after it. The others among them are stopped first, in reverse order.
        max_restarts: How many restarts there may be in ``max_seconds``. Each attempt counts, and
            one more is too many.
        max_seconds: Seconds.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot be right, or two children have the same id.

    Source: supervisor in OTP, and Supervisor in Elixir, whose words these are.

    >>> import httpx
    >>> from kwatch import NoReply, Watcher
    >>> from kwatch.testing import FakeAPIServer
    >>> class Pods(Watcher[None]):
    ...     def handle_event(self, event_type, obj, state):
    ...         return NoReply(state)
    >>> with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
    ...     with Supervisor([Pods.child_spec(client, "Pod")]) as supervisor:
    ...         supervisor.count_children()
    {'specs': 1, 'active': 1, 'supervisors': 0, 'workers': 1}
    """

    exit_seconds = None  # its children have their own limits

    _process_type = Process
    _expected = "a Watcher or a Supervisor"

    def __enter__(self) -> Self:
        if not self._is_started:
            self.start_link()
        return self

    def start_child(self, spec: ChildSpec) -> Any:
        """Start one more child, after the others; give its handle.

        Raises:
            ValueError: There is a child with this id.
            RuntimeError: The supervisor does not run, or it is itself that calls this.
            Exception: What the start of the child has raised; then it is none.
        """
        return self._ask(lambda: self._supervision.start_child(spec))

    def terminate_child(self, id: Hashable) -> None:  # noqa: A002 - OTP's word
        """Stop a child, and do not restart it; its specification stays, unless it is temporary.

        Raises:
            LookupError: There is no such child.
            RuntimeError: See `start_child`.
        """
        self._ask(lambda: self._supervision.terminate_child(id))

    def restart_child(self, id: Hashable) -> Any:  # noqa: A002
        """Start a child again that does not run; give its handle.

        Raises:
            LookupError: There is no such child.
            ValueError: It runs.
            RuntimeError: See `start_child`.
            Exception: What the start of the child has raised.
        """
        return self._ask(lambda: self._supervision.restart_child(id))

    def delete_child(self, id: Hashable) -> None:  # noqa: A002
        """Forget the specification of a child that does not run.

        Raises:
            LookupError: There is no such child.
            ValueError: It runs.
            RuntimeError: See `start_child`.
        """
        self._ask(lambda: self._supervision.delete_child(id))

    def which_children(self) -> list[tuple[Any, Any, ChildType]]:
        """Give of each child, in their order: its id, its handle, and its type.

        The handle is None while the child does not run.

        Raises:
            RuntimeError: See `start_child`.
        """
        children: list[tuple[Any, Any, ChildType]] = self._ask(self._supervision.which_children)
        return children

    def count_children(self) -> dict[str, int]:
        """Count the children: ``specs``, of which ``active`` run; ``supervisors``, ``workers``.

        Raises:
            RuntimeError: See `start_child`.
        """
        counts: dict[str, int] = self._ask(self._supervision.count_children)
        return counts

    def _now(self) -> float:
        return time.monotonic()

    def _ask(self, function: Callable[[], Any]) -> Any:
        return self._request(function).result()
