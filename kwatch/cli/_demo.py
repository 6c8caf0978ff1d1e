"""The demonstration: an API server in this process, pods that live, and what goes wrong."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from kwatch import KubeConfig, KwatchError
from kwatch.cli._keys import can_read_keys, keys
from kwatch.cli._output import say

if TYPE_CHECKING:
    from kwatch.testing import FakeAPIServer

NAMESPACES = ("default", "shop")
BOOKMARK_SECONDS = 1.0
WATCH_SECONDS = 30.0


class Demo(NamedTuple):
    """A demonstration that runs.

    Attributes:
        config: The way to its server.
        hint: Which keys there are; empty where none can be read.
    """

    config: KubeConfig
    hint: str


@contextmanager
def demo(*, faults: bool = False) -> Iterator[Demo]:
    """Run the server while the context is open, and read keys if stdin is a terminal.

    ``q`` is the same as Ctrl-C; other keys make something go wrong, see `Demo.hint`. What was done
    is told on stderr.

    Args:
        faults: Whether something goes wrong every few seconds by itself.

    Raises:
        KwatchError: pytest-httpserver is not installed.
    """
    try:
        from kwatch.cli._mischief import Mischief
        from kwatch.testing import FakeAPIServer, Life
    except ModuleNotFoundError as error:
        if error.name not in ("pytest_httpserver", "werkzeug"):
            raise
        raise KwatchError("the demo needs more: pip install 'kwatch-stream[demo]'") from error
    with ExitStack() as stack:
        server = FakeAPIServer(bookmark_interval=BOOKMARK_SECONDS, watch_timeout=WATCH_SECONDS)
        stack.enter_context(server)
        lives = [stack.enter_context(Life(server, namespace=it)) for it in NAMESPACES]
        mischief = stack.enter_context(Mischief(server, lives, say, by_chance=faults))
        hint = f"{mischief.hint}  space pause  q quit" if can_read_keys() else ""
        stack.enter_context(keys(_or_quit(mischief.press)))
        yield Demo(_config(server), hint)


def _config(server: "FakeAPIServer") -> KubeConfig:
    with TemporaryDirectory(prefix="kwatch-") as folder:  # mode 0700
        path = Path(folder, "kubeconfig")
        path.write_text(server.kubeconfig(), encoding="utf-8")
        return KubeConfig.from_file(path)


def _or_quit(press: Callable[[str], object]) -> Callable[[str], object]:
    main = threading.main_thread().ident or 0

    def press_or_quit(key: str) -> None:
        if key == "q":
            signal.pthread_kill(main, signal.SIGINT)
        else:
            press(key)

    return press_or_quit
