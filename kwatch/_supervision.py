"""`Supervision`: when which child of a supervisor is started, restarted and stopped."""

import logging
from collections.abc import Callable, Generator, Hashable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias, get_args

from kwatch._child_spec import ChildSpec, ChildType, check_word
from kwatch._errors import WatcherFailed
from kwatch._reasons import checked, fail, is_normal
from kwatch._results import check_seconds, described
from kwatch._steps import Call, Exit, Steps, Wait

Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one"]

logger = logging.getLogger("kwatch")


class Process(Protocol):
    """What the start of a child gives."""

    reason: Any
    failure: WatcherFailed | None

    def supervise(self, ended: Callable[[], object]) -> None:
        """Have something called once it has ended."""

    def shut_down(self, timeout: float | None) -> Any:
        """Have it end, in so many seconds; tell whether it has. In a task, that is awaited."""


@dataclass(eq=False, slots=True)
class Child:
    """A child: its specification, and what runs if it does."""

    spec: ChildSpec
    process: Process | None = None
    is_failing: bool = False
    """Whether it is about to be started once more, after a start that has failed."""


class Down(NamedTuple):
    """A message: a process has ended."""

    child: Child
    process: Process


class Retry(NamedTuple):
    """A message: a child that could not be restarted is to be started once more."""

    child: Child
    reason: Any


class Request(NamedTuple):
    """A message: somebody waits until the supervisor has done something."""

    function: Callable[[], Any]
    """What it does, or the steps to that."""
    reply: "Future[Any]"


class Supervision:
    """One life of a supervisor.

    Args:
        name: What it is called in messages.
        specs: The first children, in the order of their start.
        strategy: Which children are restarted together with one that has ended.
        max_restarts: How many restarts there may be ...
        max_seconds: ... in how many seconds.
        process_type: What the start of a child must give.
        expected: Whose start gives that.
        clock: Gives the time in seconds.
        post: Puts a message into the supervisor's own mailbox.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot be right, or two children have the same id.

    Source: supervisor in OTP: its strategies, its intensity, and the order of everything.
    """

    def __init__(
        self,
        name: str,
        specs: Iterable[ChildSpec],
        *,
        strategy: Strategy,
        max_restarts: int,
        max_seconds: float,
        process_type: type,
        expected: str,
        clock: Callable[[], float],
        post: Callable[[Any], object],
    ) -> None:
        check_word("strategy", strategy, get_args(Strategy))
        check_seconds(max_seconds, "max_seconds")
        if isinstance(max_restarts, bool) or not isinstance(max_restarts, int):
            raise TypeError(f"expected max_restarts as an int, got {max_restarts!r}")
        if max_restarts < 0:
            raise ValueError(f"expected max_restarts of 0 or more, got {max_restarts}")
        self._name: Final = name
        self._strategy: Final = strategy
        self._max_restarts: Final = max_restarts
        self._max_seconds: Final = max_seconds
        self._process_type: Final = process_type
        self._expected: Final = expected
        self._clock: Final = clock
        self._post: Final = post
        self._restarts: list[float] = []
        self._children: dict[Hashable, Child] = {}  # in the order of their start
        for spec in specs:
            self._add(spec)

    def steps(self, begin: Callable[[], object]) -> Steps:
        """Live.

        Args:
            begin: Is called once all children have started.

        Returns:
            Why it has ended, a normal reason.

        Raises:
            WatcherFailed: A child could not be started, or there were too many restarts; or the
                supervisor was told to end for an abnormal reason.
            BaseException: What is no Exception passes through, once all children have ended.
        """
        passing: BaseException | None = None
        reason: Any = "shutdown"
        try:
            yield from self._start_first()
            yield Call(begin)
            reason = yield from self._serve()
        except GeneratorExit:  # nobody drives this any more
            raise
        except BaseException as error:
            passing = error
        for child in reversed(self._children.values()):
            try:
                yield from self._stop(child)
            except BaseException as error:  # such as a second Ctrl-C: this child is waited for
                passing = error  # no longer, but the others are
        if passing is not None:
            raise passing
        return checked(self._name, reason)

    # What may be asked of it

    def start_child(self, spec: ChildSpec) -> Steps:
        """Add a child, and start it; give its process."""
        child = self._add(spec)
        error = yield from self._start(child)
        if error is not None:
            del self._children[spec.id]
            raise error
        return child.process

    def terminate_child(self, id: Hashable) -> Steps:  # noqa: A002 - OTP's word
        """Stop a child; a temporary one is forgotten."""
        child = self._find(id)
        yield from self._stop(child)
        self._forget_temporary(child)

    def restart_child(self, id: Hashable) -> Steps:  # noqa: A002
        """Start a child that does not run; give its process."""
        child = self._find_idle(id)
        error = yield from self._start(child)
        if error is not None:
            raise error
        return child.process

    def delete_child(self, id: Hashable) -> None:  # noqa: A002
        """Forget a child that does not run."""
        del self._children[self._find_idle(id).spec.id]

    def which_children(self) -> list[tuple[Any, Any, ChildType]]:
        """Give the id, process (or None) and type of each child."""
        return [(c.spec.id, c.process, c.spec.type) for c in self._children.values()]

    def count_children(self) -> dict[str, int]:
        """Count them."""
        children = self._children.values()
        supervisors = sum(child.spec.type == "supervisor" for child in children)
        return {
            "specs": len(children),
            "active": sum(child.process is not None for child in children),
            "supervisors": supervisors,
            "workers": len(children) - supervisors,
        }

    # What it does

    def _start_first(self) -> Steps:
        for child in list(self._children.values()):
            error = yield from self._start(child)
            if error is not None:
                why = f"its child {child.spec.id!r} has not started: {error}"
                reason = "shutdown", ("failed_to_start_child", child.spec.id, error)
                fail(self._name, reason, why, error)

    def _serve(self) -> Steps:
        """Do what comes; give the reason to end."""
        while True:
            arrival = yield Wait()
            if isinstance(arrival, Exit):
                return arrival.reason
            message = arrival.content
            if isinstance(message, Request):
                yield from _answer(message)
            elif isinstance(message, Down):
                if message.child.process is message.process:
                    yield from self._end(message.child)
            elif message.child.is_failing:  # a `Retry`
                yield from self._restart(message.child, message.reason)

    def _end(self, child: Child) -> Steps:
        """Do what is to be done about a child that has ended by itself."""
        assert child.process is not None  # noqa: S101 - `_serve` saw to it
        process, child.process = child.process, None
        self._forget_temporary(child)
        restart = child.spec.restart
        if restart == "permanent" or (restart == "transient" and not is_normal(process.reason)):
            reason = process.reason
            is_error = isinstance(reason, BaseException)
            yield from self._restart(child, reason if is_error else process.failure or reason)

    def _restart(self, child: Child, reason: Any) -> Steps:
        """Restart a child, and those that the strategy restarts with it."""
        self._count_restart(child, reason)
        group = self._group(child)
        for other in reversed(group):
            yield from self._stop(other)
            self._forget_temporary(other)
        for other in group:
            if self._children.get(other.spec.id) is not other:
                continue
            error = yield from self._start(other)
            if error is not None:
                other.is_failing = True
                self._post(Retry(other, error))
                return

    def _count_restart(self, child: Child, reason: Any) -> None:
        """Count a restart, and say so.

        Raises:
            WatcherFailed: There were too many.
        """
        now = self._clock()
        self._restarts = [t for t in self._restarts if now - t <= self._max_seconds] + [now]
        what = f"child {child.spec.id!r} has ended: {reason!r}"
        if len(self._restarts) > self._max_restarts:
            limit = f"more than {self._max_restarts} restarts in {self._max_seconds} s"
            cause = reason if isinstance(reason, BaseException) else None
            fail(self._name, "shutdown", f"{limit}, the last because {what}", cause)
        logger.warning("%s restarts (%s): %s", self._name, self._strategy, what)

    def _group(self, child: Child) -> list[Child]:
        """Give the children that are restarted with one, itself among them, in order."""
        children = list(self._children.values())
        if self._strategy == "one_for_one":
            return [child]
        return children if self._strategy == "one_for_all" else children[children.index(child) :]

    def _start(self, child: Child) -> Steps:
        """Start a child; give the error if that fails."""
        try:
            process: Process = yield Call(child.spec.start)
            self._check(process, child.spec.id)
            process.supervise(lambda: self._post(Down(child, process)))
        except Exception as error:
            return error
        child.process = process
        return None

    def _check(self, process: Any, id: Hashable) -> None:  # noqa: A002
        if not isinstance(process, self._process_type):
            raise TypeError(
                f"start of child {id!r} must return what start_link() of {self._expected} does,"
                f" got {described(process)}"
            )

    def _stop(self, child: Child) -> Steps:
        """Stop a child, if it runs."""
        process, child.process, child.is_failing = child.process, None, False
        if process is None:
            return
        has_ended = yield Call(process.shut_down, (child.spec.shutdown,), is_shielded=True)
        if not has_ended:
            text = "%s leaves its child %r behind, which has not ended in %s s"
            logger.error(text, self._name, child.spec.id, child.spec.shutdown)

    def _add(self, spec: ChildSpec) -> Child:
        if not isinstance(spec, ChildSpec):
            raise TypeError(
                f"expected a kwatch.ChildSpec, as child_spec() of a watcher gives, got {spec!r}"
            )
        if spec.id in self._children:
            raise ValueError(f"{self._name} has a child {spec.id!r} already: give it another id")
        return self._children.setdefault(spec.id, Child(spec))

    def _forget_temporary(self, child: Child) -> None:
        if child.spec.restart == "temporary":
            del self._children[child.spec.id]

    def _find(self, id: Hashable) -> Child:  # noqa: A002
        if id not in self._children:
            known = ", ".join(map(repr, self._children)) or "none"
            raise LookupError(f"{self._name} has no child {id!r}; it has {known}")
        return self._children[id]

    def _find_idle(self, id: Hashable) -> Child:  # noqa: A002
        child = self._find(id)
        if child.process is not None or child.is_failing:
            raise ValueError(f"child {id!r} of {self._name} runs: call terminate_child() first")
        return child


def _answer(request: Request) -> Steps:
    """Do what somebody waits for, and tell what came of it."""
    try:
        result = request.function()
        if isinstance(result, Generator):
            result = yield from result
    except Exception as error:
        request.reply.set_exception(error)
    else:
        request.reply.set_result(result)
