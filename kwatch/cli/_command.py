"""The command from its arguments to its exit status."""

import argparse
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing

import httpx

from kwatch import KubeConfig, KwatchError, watch
from kwatch._discovery import discover
from kwatch._sync import answer
from kwatch._wire import Wire
from kwatch.cli._arguments import parse
from kwatch.cli._demo import demo
from kwatch.cli._output import OutputError, logged, print_event, say, write
from kwatch.cli._signals import Stopped, stoppable

FAILED = 1
PIPE_CLOSED = 141  # 128 + SIGPIPE, which Python ignores


def main(argv: Sequence[str] | None = None) -> int:
    """Watch, and print each change, until there is an error, a signal, or no reader any more.

    Args:
        argv: The arguments; None: those of the process. See ``python -m kwatch --help``.

    Returns:
        The exit status: 1 after an error, 130 after SIGINT, 141 after a closed pipe, 143 after
        SIGTERM. An error is one line on stderr, the others are quiet.

    Raises:
        SystemExit: The arguments are wrong (2), or ask for help or the version (0).

    >>> main(["pods", "--kubeconfig", "/nowhere"])  # on stderr: kwatch: kubeconfig: '/nowhere': ...
    1
    """
    try:
        with stoppable():
            _run(_parsed(argv))
    except Stopped as stopped:
        return stopped.status
    except OutputError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            return PIPE_CLOSED
        say(f"cannot write to stdout: {error.__cause__}")
    except httpx.TransportError as error:
        say(f"cannot reach {error.request.url}: {error or type(error).__name__}")
    except (KwatchError, httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        say(str(error))
    return FAILED


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    try:
        return parse(argv)
    except SystemExit:
        write("")  # a reader of --help may have gone
        raise


def _run(arguments: argparse.Namespace) -> None:
    """Watch for ever."""
    with ExitStack() as stack:
        stack.enter_context(logged(logging.INFO if arguments.verbose else logging.WARNING))
        if arguments.demo:
            config = stack.enter_context(demo())
        else:
            config = KubeConfig.load(arguments.kubeconfig, arguments.context)
        client = stack.enter_context(config.client())
        resource = answer(Wire(client), discover(arguments.resource, now=time.time))
        namespace = arguments.namespace
        if namespace is None and resource.namespaced and not arguments.all_namespaces:
            namespace = config.namespace
        events = watch(
            client,
            resource_path=resource.path(namespace),
            label_selector=arguments.selector,
            field_selector=arguments.field_selector,
            resource_version=arguments.resource_version,
            send_initial_events=not arguments.watch_only and arguments.resource_version is None,
        )
        for event in stack.enter_context(closing(events)):
            print_event(event, arguments.output)
