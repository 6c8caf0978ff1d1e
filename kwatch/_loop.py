"""The event loop that runs: asyncio's, or trio's.

asyncio is imported where it runs: a program without an event loop does without.
"""

import contextvars
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias

InLoop: TypeAlias = Callable[[Callable[[], object]], None]


def spawn(run: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], object]) -> object:
    """Run something in a task that is no child of the caller's.

    Args:
        run: What to run; it must not raise an exception but that of its cancellation.
        ended: Is called if it has ended before it could begin, and maybe else too.

    Returns:
        What keeps the task alive.
    """
    trio: Any = trio_here()
    if trio is not None:
        return trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
    import asyncio

    task = asyncio.get_running_loop().create_task(run())
    task.add_done_callback(lambda _: ended())
    return task


def in_loop() -> InLoop:
    """Give what has the present loop call a function soon, from any thread or signal handler.

    Once the loop has ended, it does nothing.
    """
    trio: Any = trio_here()
    call_soon: Callable[[Callable[[], object]], object]
    if trio is not None:
        call_soon = trio.lowlevel.current_trio_token().run_sync_soon
    else:
        import asyncio

        call_soon = asyncio.get_running_loop().call_soon_threadsafe

    def call(function: Callable[[], object]) -> None:
        with suppress(RuntimeError):
            call_soon(function)

    return call


def trio_here() -> Any:
    """Give trio, if it runs the present task; it may be a guest of asyncio."""
    trio: Any = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_task() else None


def is_cancellation(error: BaseException) -> bool:
    """Whether the present task is cancelled, or the loop is gone.

    A callback that has awaited another task, which was cancelled, raises the same on asyncio.
    """
    trio: Any = trio_here()
    if trio is not None:
        return isinstance(error, trio.Cancelled | GeneratorExit)
    import asyncio

    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)


def ends_loop(error: BaseException) -> bool:
    """Whether a task may raise this to end the loop: asyncio says so, trio takes nothing."""
    return trio_here() is None and isinstance(error, KeyboardInterrupt | SystemExit)
