"""What only a watcher in a task does: cancellation, the end of the event loop, other threads."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, assert_type

import anyio
import anyio.lowlevel
import httpx
import pytest

from kwatch import AsyncHandle, AsyncWatcher, EventType, NoReply, Ok, Stop, WatcherFailed
from kwatch.testing import FakeAPIServer
from tests.worlds import PATIENCE_SECONDS, AsyncLog

POD: dict[str, Any] = {"kind": "Pod", "metadata": {"name": "web"}}


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest, server: FakeAPIServer) -> Callable[..., Any]:
    """Run a coroutine function with a client, on each event loop in turn."""

    def run(body: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with httpx.AsyncClient(base_url=server.url) as client:
                with anyio.fail_after(PATIENCE_SECONDS):
                    return await body(client)

        return anyio.run(main, backend=request.param)

    return run


async def synced(handle: AsyncHandle[Any]) -> None:
    while not handle.status.connects:  # noqa: ASYNC110 - a status has no event
        await anyio.sleep(0.002)


def test_the_cancellation_of_the_caller_terminates_what_runs_in_its_task(
    run: Callable[..., Any],
) -> None:
    log = AsyncLog()

    async def body(client: httpx.AsyncClient) -> None:
        with anyio.move_on_after(0.1) as scope:
            await log.run(client, "Pod")
        assert scope.cancelled_caught

    run(body)
    assert log.ends == [("shutdown", [])]


def test_a_callback_is_cancelled_and_terminate_is_not(run: Callable[..., Any]) -> None:
    async def clean_up(state: list[Any]) -> None:
        await anyio.sleep(0.01)
        said.append("clean")

    async def begin(state: list[Any]) -> Any:
        said.append("begun")
        await anyio.sleep_forever()

    said: list[str] = []
    log = AsyncLog(terminate=clean_up, hello=begin)
    log.answers["init"] = lambda _: Ok([], continue_with=1)
    log.answers["continue 1"] = lambda state: NoReply(state, timeout=0)
    log.answers["TIMEOUT"] = begin

    async def body(client: httpx.AsyncClient) -> None:
        with anyio.move_on_after(0.1):
            await log.run(client, "Pod")

    run(body)
    assert said == ["begun", "clean"]
    assert [reason for reason, _ in log.ends] == ["shutdown"]


def test_the_cancellation_of_the_start_ends_what_it_started(run: Callable[..., Any]) -> None:
    class Slow(AsyncWatcher[None]):
        async def init(self, init_arg: Any) -> Ok[None]:
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(True)
            raise AssertionError

        async def handle_event(self, event_type: Any, obj: Any, state: None) -> NoReply[None]:
            raise AssertionError

    ended: list[bool] = []

    async def body(client: httpx.AsyncClient) -> None:
        with anyio.move_on_after(0.05):
            await Slow.start_link(client, "Pod")
        assert ended == [True]

    run(body)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_end_of_the_loop_ends_what_runs_in_a_task(server: FakeAPIServer, backend: str) -> None:
    log = AsyncLog()

    async def main() -> AsyncHandle[Any]:
        client = httpx.AsyncClient(base_url=server.url)  # closed with its only connection
        handle = await log.start_link(client, "Pod")
        await synced(handle)
        return handle

    handle = anyio.run(main, backend=backend)
    assert log.ends == [("shutdown", [])]
    assert not handle.is_alive()
    handle.send("too late")
    handle.exit()


def test_a_task_that_does_not_end_in_time_is_cancelled(run: Callable[..., Any]) -> None:
    log = AsyncLog(hang=lambda _: anyio.sleep_forever())

    async def body(client: httpx.AsyncClient) -> None:
        handle = await log.start_link(client, "Pod")
        handle.send("hang")
        await synced(handle)
        assert await handle.shut_down(0.05)
        assert not handle.is_alive()
        assert await handle.join()

    run(body)
    assert [reason for reason, _ in log.ends] == ["shutdown"]


def test_a_cancelled_block_does_not_wait_for_the_callback(run: Callable[..., Any]) -> None:
    log = AsyncLog(hang=lambda _: anyio.sleep_forever())

    async def body(client: httpx.AsyncClient) -> None:
        with anyio.move_on_after(0.1) as scope:
            async with await log.start_link(client, "Pod") as handle:
                handle.send("hang")
                await anyio.sleep_forever()
        assert scope.cancelled_caught

    run(body)
    assert [reason for reason, _ in log.ends] == ["shutdown"]


class Odd(BaseException):
    """Neither an Exception, nor a cancellation."""


def test_a_callback_that_raises_something_odd_is_a_failure(run: Callable[..., Any]) -> None:
    def be_odd(_: Any) -> Any:
        raise Odd

    log = AsyncLog(hello=be_odd)

    async def body(client: httpx.AsyncClient) -> None:
        handle = await log.start_link(client, "Pod")
        handle.send("hello")
        with pytest.raises(WatcherFailed, match="Odd"):
            await handle.result()

    run(body)
    assert len(log.ends) == 1


def test_the_cancellation_of_another_task_is_a_failure(server: FakeAPIServer) -> None:
    async def wait_for_another(_: Any) -> Any:
        other = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(other.cancel)
        await other

    async def main() -> None:
        async with httpx.AsyncClient(base_url=server.url) as client:
            handle = await AsyncLog(hello=wait_for_another).start_link(client, "Pod")
            handle.send("hello")
            with pytest.raises(WatcherFailed, match="CancelledError"):
                await handle.result()

    asyncio.run(main())


def test_a_system_exit_in_a_task_ends_the_loop_of_asyncio(server: FakeAPIServer) -> None:
    program = textwrap.dedent("""
        import asyncio, httpx, sys
        from kwatch import AsyncWatcher, NoReply

        class Quiet(AsyncWatcher):
            async def handle_event(self, event_type, obj, state):
                return NoReply(state)
            async def handle_info(self, message, state):
                sys.exit(3)
            async def terminate(self, reason, state):
                print("terminate", reason)

        async def main():
            async with httpx.AsyncClient(base_url=sys.argv[1]) as client:
                handle = await Quiet.start_link(client, "Pod")
                handle.send("end")
                await asyncio.sleep(60)

        asyncio.run(main())
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "terminate shutdown\n")


@pytest.mark.parametrize("cancels", [1, 2, 3])
def test_terminate_begins_once_however_often_a_task_is_cancelled(
    server: FakeAPIServer, cancels: int
) -> None:
    async def main(turns: int) -> int:
        log = AsyncLog()
        async with httpx.AsyncClient(base_url=server.url) as client:
            task = asyncio.ensure_future(log.run(client, "Pod"))
            await asyncio.sleep(0.05)
            for _ in range(cancels):
                task.cancel()
                for _ in range(turns):
                    await asyncio.sleep(0)
            await asyncio.wait([task])
        return len(log.ends)

    assert [asyncio.run(main(turns)) for turns in range(8)] == [1] * 8


def test_a_chain_of_continuations_lets_others_have_their_turn(run: Callable[..., Any]) -> None:
    class Chain(AsyncWatcher[None]):
        def handle_event(self, event_type: Any, obj: Any, state: None) -> NoReply[None]:
            raise AssertionError

        def handle_continue(self, continue_arg: Any, state: None) -> NoReply[None]:
            return NoReply(None, continue_with=1)

        def handle_info(self, message: Any, state: None) -> NoReply[None]:
            return NoReply(None, continue_with=1)

    async def body(client: httpx.AsyncClient) -> None:
        with anyio.move_on_after(0.02) as scope:
            await Chain().fold(["hello"], None)
        assert scope.cancelled_caught

    run(body)


def test_other_threads_send_and_exit(run: Callable[..., Any]) -> None:
    log = AsyncLog()

    def other(handle: AsyncHandle[Any]) -> None:
        for number in range(100):
            handle.send(number)
        handle.exit("normal")

    async def body(client: httpx.AsyncClient) -> Any:
        async with await log.start_link(client, "Pod") as handle:
            thread = threading.Thread(target=other, args=(handle,))
            thread.start()
            state = await handle.result()
            thread.join()
            return state

    assert run(body) == list(range(100))


def test_a_watcher_that_is_always_busy_lets_others_have_their_turn(run: Callable[..., Any]) -> None:
    class Busy(AsyncWatcher[None]):
        def init(self, init_arg: Any) -> Ok[None]:
            return Ok(None)

        def handle_event(self, event_type: Any, obj: Any, state: None) -> NoReply[None]:
            raise AssertionError

        def handle_info(self, message: Any, state: None) -> NoReply[None]:
            handles[0].send("again")
            return NoReply(None)

    handles: list[AsyncHandle[Any]] = []

    async def body(client: httpx.AsyncClient) -> None:
        handles.append(await Busy.start_link(client, "Pod"))
        handles[0].send("again")
        await anyio.sleep(0.02)
        await handles[0].stop(timeout=PATIENCE_SECONDS)

    run(body)


def test_nothing_is_left_running_after_a_stop(server: FakeAPIServer) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(base_url=server.url) as client:
            handle = await AsyncLog().start_link(client, "Pod")
            await synced(handle)
            await handle.stop()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_failure_ends_the_linked_block(run: Callable[..., Any], server: FakeAPIServer) -> None:
    log = AsyncLog(web=lambda _: Stop("full"))

    async def body(client: httpx.AsyncClient) -> None:
        async with await log.start_link(client, "Pod", send_initial_events=True) as handle:
            while handle.is_alive():  # noqa: ASYNC110 - what ends the watcher is under test
                await anyio.sleep(0.002)

    server.create("Pod", "web")
    with pytest.raises(WatcherFailed, match="full"):
        run(body)
    assert log.ends == [("full", [])]


def test_a_fold_takes_what_can_be_iterated_over_by_async_for(run: Callable[..., Any]) -> None:
    async def events() -> AsyncIterator[Any]:
        yield "created", POD
        await anyio.lowlevel.checkpoint()
        yield "hello"

    async def body(client: httpx.AsyncClient) -> Any:
        return await AsyncLog().fold(events(), [])

    assert run(body) == [("created", "web"), "hello"]


def test_the_client_of_the_other_front_end_is_refused(run: Callable[..., Any]) -> None:
    async def body(client: httpx.AsyncClient) -> None:
        wrong: Any = httpx.Client(base_url="http://kube.test")
        with wrong, pytest.raises(TypeError, match="hand that to Watcher"):
            await AsyncLog().run(wrong, "Pod")

    run(body)


def test_the_state_has_a_type(run: Callable[..., Any]) -> None:
    class Counter(AsyncWatcher[int]):
        async def handle_event(self, event_type: EventType, obj: Any, state: int) -> NoReply[int]:
            return NoReply(state + 1)

        def handle_info(self, message: Any, state: int) -> Stop[int]:
            return Stop("normal", state)

    async def body(client: httpx.AsyncClient) -> None:
        handle = await Counter.start_link(client, "Pod", init_arg=0)
        assert_type(handle, AsyncHandle[int])
        handle.send("end")
        assert_type(await handle.result(), int)
        assert_type(await Counter().fold([], 0), int)

    run(body)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_sigterm_ends_what_runs_in_the_main_thread(server: FakeAPIServer, backend: str) -> None:
    program = textwrap.dedent("""
        import anyio, httpx, sys
        from kwatch import AsyncWatcher, NoReply, Ok

        class Quiet(AsyncWatcher):
            def init(self, init_arg):
                return Ok(0, timeout=0.2)
            async def handle_event(self, event_type, obj, state):
                return NoReply(state)
            async def handle_info(self, message, state):
                print("runs", flush=True)
                return NoReply(state)
            async def terminate(self, reason, state):
                print("terminate", reason)

        async def main():
            async with httpx.AsyncClient(base_url=sys.argv[1]) as client:
                await Quiet.run(client, "Pod")
                print("returned")

        anyio.run(main, backend=sys.argv[2])
    """)
    command = [sys.executable, "-c", program, server.url, backend]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        os.kill(process.pid, signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert (out, process.returncode) == ("terminate shutdown\nreturned\n", 0)
