"""`AsyncSupervisor`: the twin of `Supervisor`, for tasks."""

from collections.abc import Callable, Hashable
from typing import Any, Self

import anyio

from kwatch._aprocess import AsyncProcess
from kwatch._child_spec import ChildSpec, ChildType
from kwatch._supervising import Supervising


class AsyncSupervisor(Supervising, AsyncProcess):
    """A `Supervisor` on asyncio or trio, for watchers that are `AsyncWatcher`: with coroutines.

    It is started by ``await start_link()``, by ``await run()``, or by ``async with``, whose end
    stops it. A child that does not end in time is cancelled.

    Args:
        children: See `Supervisor`, as for those that follow.
        strategy: See `Supervisor`.
        max_restarts: See `Supervisor`.
        max_seconds: See `Supervisor`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot be right, or two children have the same id.

    Example::

        async with AsyncSupervisor([Pods.child_spec(client, "Pod")]) as supervisor:
            print(await supervisor.count_children())
    """

    _process_type = AsyncProcess
    _expected = "an AsyncWatcher or an AsyncSupervisor"

    async def __aenter__(self) -> Self:
        if not self._is_started:
            await self.start_link()
        return self

    async def start_child(self, spec: ChildSpec) -> Any:
        """Start one more child, after the others; give its handle.

        Raises:
            ValueError: There is a child with this id.
            RuntimeError: The supervisor does not run, or it is itself that calls this.
            Exception: What the start of the child has raised; then it is none.
        """
        return await self._ask(lambda: self._supervision.start_child(spec))

    async def terminate_child(self, id: Hashable) -> None:  # noqa: A002 - OTP's word
        """Stop a child, and do not restart it; its specification stays, unless it is temporary.

        Raises:
            LookupError: There is no such child.
            RuntimeError: See `start_child`.
        """
        await self._ask(lambda: self._supervision.terminate_child(id))

    async def restart_child(self, id: Hashable) -> Any:  # noqa: A002
        """Start a child again that does not run; give its handle.

        Raises:
            LookupError: There is no such child.
            ValueError: It runs.
            RuntimeError: See `start_child`.
            Exception: What the start of the child has raised.
        """
        return await self._ask(lambda: self._supervision.restart_child(id))

    async def delete_child(self, id: Hashable) -> None:  # noqa: A002
        """Forget the specification of a child that does not run.

        Raises:
            LookupError: There is no such child.
            ValueError: It runs.
            RuntimeError: See `start_child`.
        """
        await self._ask(lambda: self._supervision.delete_child(id))

    async def which_children(self) -> list[tuple[Any, Any, ChildType]]:
        """Give of each child, in their order: its id, its handle, and its type.

        The handle is None while the child does not run.

        Raises:
            RuntimeError: See `start_child`.
        """
        children: list[tuple[Any, Any, ChildType]] = await self._ask(
            self._supervision.which_children
        )
        return children

    async def count_children(self) -> dict[str, int]:
        """Count the children: ``specs``, of which ``active`` run; ``supervisors``, ``workers``.

        Raises:
            RuntimeError: See `start_child`.
        """
        counts: dict[str, int] = await self._ask(self._supervision.count_children)
        return counts

    def _now(self) -> float:
        return anyio.current_time()

    async def _ask(self, function: Callable[[], Any]) -> Any:
        answered = anyio.Event()
        reply = self._request(function)
        reply.add_done_callback(lambda _: answered.set())
        await answered.wait()
        return reply.result()
