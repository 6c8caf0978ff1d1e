"""Pods that come, change and go, for a demonstration to have something to watch."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from kwatch.testing._pod import PENDING, Pod
from kwatch.testing._server import FakeAPIServer
from kwatch.testing._status import APIError

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # what Kubernetes makes the ends of names of


class Step(NamedTuple):
    """One thing that happens to one pod."""

    verb: Literal["create", "patch", "delete"]
    name: str
    fields: dict[str, Any]

    def apply(self, server: FakeAPIServer, namespace: str) -> None:
        """Do it.

        Raises:
            APIError: Somebody else has been at the pod.
        """
        if self.verb == "create":
            server.create("Pod", self.name, namespace, **self.fields)
        elif self.verb == "patch":
            server.patch("Pod", self.name, namespace, **self.fields)
        else:
            server.delete("Pod", self.name, namespace)


def steps(random: Random) -> Iterator[Step]:
    """What happens, without end: services that live and come back, jobs that run and succeed.

    It touches no server and no clock; the same ``random`` makes the same steps.
    """
    lives = [_service(name, random) for name in ("web-1", "web-2", "web-3", "db-0")]
    lives += [_jobs(random), _jobs(random)]
    while True:
        yield next(random.choice(lives))


class Life:
    """Lets pods live on a server, in a thread, for as long as its ``with`` block lasts.

    Args:
        server: Where they live.
        interval: Seconds between two steps.
        random: Decides the steps, as in ``steps``; None: a new one each time.
        namespace: Where they live.
    """

    def __init__(
        self,
        server: FakeAPIServer,
        *,
        interval: float = 0.7,
        random: Random | None = None,
        namespace: str = "default",
    ) -> None:
        self._server = server
        self._interval = interval
        self._random = random or Random()  # noqa: S311 - a demonstration, no secret
        self._namespace = namespace
        self._stop = threading.Event()
        self._going = threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self.run, name="kwatch-life", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def run(self) -> None:
        """Live in this thread until ``stop`` is called in another."""
        for step in steps(self._random):
            self._going.wait()
            if self._stop.is_set():
                return
            with suppress(APIError):  # a user may change and delete the same pods
                step.apply(self._server, self._namespace)
            self._stop.wait(self._interval)

    @property
    def is_paused(self) -> bool:
        """Whether nothing happens until ``resume``."""
        return not self._going.is_set()

    def pause(self) -> None:
        """Let nothing happen any more, until ``resume``; a step that has begun is finished."""
        self._going.clear()

    def resume(self) -> None:
        """Go on where it was paused."""
        self._going.set()

    def stop(self) -> None:
        """End it, at once; the pods stay as they are."""
        self._stop.set()
        self._going.set()
        if self._thread.is_alive():
            self._thread.join()


def _service(name: str, random: Random) -> Iterator[Step]:
    """A pod that runs for long, gets new versions, crashes now and then, goes, and comes back."""
    app = name.partition("-")[0]
    while True:
        pod = Pod(app)
        yield from _begin(name, pod, random)
        for version in range(2, random.randint(2, 5)):
            if random.random() < 0.4:
                yield Step("patch", name, {"status": pod.crashed()})
                yield Step("patch", name, {"status": pod.running()})
            pod.version = f"v{version}"
            fields = {"labels": {"version": pod.version}, "spec": pod.spec()}
            yield Step("patch", name, {**fields, "status": pod.restarted()})
        yield Step("delete", name, {})


def _jobs(random: Random) -> Iterator[Step]:
    """One job after the other, each with its own name."""
    while True:
        name, pod = "job-" + "".join(random.choices(_SUFFIX, k=5)), Pod("job")
        yield from _begin(name, pod, random)
        yield Step("patch", name, {"status": pod.succeeded()})
        yield Step("delete", name, {})


def _begin(name: str, pod: Pod, random: Random) -> Iterator[Step]:
    labels = {"app": pod.app, "version": pod.version}
    yield Step("create", name, {"labels": labels, "spec": pod.spec(), "status": PENDING})
    pod.node = f"node-{random.randint(1, 3)}"
    yield Step("patch", name, {"spec": {"nodeName": pod.node}, "status": pod.starting()})
    pod.address = f"10.0.{random.randint(0, 9)}.{random.randint(2, 250)}"
    yield Step("patch", name, {"status": pod.running()})
