"""The options that several of the commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from kwatch.cli import _completion as complete
from kwatch.cli._formats import FORMATS
from kwatch.cli._help import option, read_by
from kwatch.cli._until import Condition
from kwatch.cli._values import backoff, duration, function, lifetime, shard

F = TypeVar("F", bound=Callable[..., Any])

WHAT, WHERE, START = "What to watch", "The cluster", "Where to begin"
OUTPUT, END, WIRE = "What to print", "When to end", "The connection"


def _all(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Make one decorator of several, the first of which is to come first in the help."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def selection(function: F) -> F:
    """Declare what is watched."""
    return _all(
        click.argument("kind", metavar="RESOURCE", required=False, shell_complete=complete.kinds),
        click.argument("name", metavar="NAME", required=False, shell_complete=complete.names),
        _which,
        _what,
        _start,
    )(function)


def _which(function: F) -> F:
    return _all(
        option(
            "-n",
            "--namespace",
            metavar="NS",
            multiple=True,
            section=WHAT,
            shell_complete=complete.namespaces,
            help="One namespace; repeat it for several. Default: the context's.",
        ),
        option("-A", "--all-namespaces", is_flag=True, section=WHAT, help="All namespaces."),
        option(
            "-w",
            "--watch",
            is_flag=True,
            expose_value=False,
            help="Nothing more: it always watches. For who is used to kubectl.",
        ),
        option(
            "-l",
            "--selector",
            "label_selector",
            metavar="SELECTOR",
            section=WHAT,
            help="By labels: 'app=web,tier in (a, b)'.",
        ),
        option(
            "--field-selector",
            metavar="SELECTOR",
            section=WHAT,
            help="By fields: status.phase=Running.",
        ),
    )(function)


def _what(function: F) -> F:
    return _all(
        option(
            "--api-version",
            metavar="VERSION",
            section=WHAT,
            help="Where to look for RESOURCE, such as apps/v1.",
        ),
        option(
            "--resource-path",
            metavar="PATH",
            section=WHAT,
            help="Instead of RESOURCE, such as /api/v1/pods, or with {namespace} in it.",
        ),
        option(
            "--subresource",
            metavar="NAME",
            section=WHAT,
            help="A subresource instead, such as scale.",
        ),
        option(
            "--metadata-only",
            is_flag=True,
            section=WHAT,
            help="Only the metadata of the objects.",
        ),
        option(
            "--shard",
            metavar="INDEX/COUNT",
            section=WHAT,
            callback=read_by(shard),
            help="One of several parts of the objects, by the uid: 0/4 is the first of 4.",
        ),
    )(function)


def _start(function: F) -> F:
    return _all(
        option(
            "--watch-only",
            is_flag=True,
            section=START,
            help="With the next change, without the objects that exist.",
        ),
        option(
            "--resource-version",
            metavar="VERSION",
            section=START,
            help="Right after this resource version.",
        ),
    )(function)


def connection(command: F) -> F:
    """Declare how the server is asked."""
    return _all(
        option(
            "--timeout-seconds",
            metavar="SECONDS",
            callback=read_by(lifetime),
            section=WIRE,
            help="How long the server keeps a connection. Default: 180 to 229.",
        ),
        option(
            "--backoff",
            metavar="I,F,M",
            callback=read_by(backoff),
            section=WIRE,
            help="Delays between attempts: first, factor, longest. Default: 0.8,2,30.",
        ),
    )(command)


def decoding(command: F) -> F:
    """Declare what decodes."""
    return option(
        "--loads",
        metavar="MODULE.FUNCTION",
        callback=read_by(function),
        section=WIRE,
        help="Decodes JSON, such as orjson.loads. Default: ijson.",
    )(command)


def cluster(function: F) -> F:
    """Declare where the server is."""
    return _all(
        option(
            "--kubeconfig",
            metavar="FILE",
            type=click.Path(),
            section=WHERE,
            help="Default: $KUBECONFIG, ~/.kube/config, in-cluster.",
        ),
        option(
            "--context",
            metavar="NAME",
            section=WHERE,
            shell_complete=complete.contexts,
            help="A context of the kubeconfig. Default: its current-context.",
        ),
    )(function)


def output(function: F) -> F:
    """Declare what is printed."""
    return _all(
        option(
            "-o",
            "--output",
            metavar="FORMAT",
            type=click.Choice(list(FORMATS)),
            section=OUTPUT,
            help=f"{', '.join(FORMATS)}. Default: line.",
        ),
        option(
            "--table",
            is_flag=True,
            section=OUTPUT,
            help="A live table with one row per object, on a terminal.",
        ),
        option(
            "--color",
            metavar="WHEN",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            section=OUTPUT,
            help="auto, always, never. auto: on a terminal, unless $NO_COLOR is set.",
        ),
        option("--allow-bookmarks", is_flag=True, section=OUTPUT, help="Print bookmarks too."),
    )(function)


def verbose(function: F) -> F:
    """Declare how much is told."""
    return option(
        "-v",
        "--verbose",
        is_flag=True,
        section=OUTPUT,
        help="Tell on stderr of reconnects too.",
    )(function)


def ending(function: F) -> F:
    """Declare when it ends."""
    return _all(
        option(
            "--until",
            metavar="EXPR",
            callback=read_by(Condition),
            section=END,
            help="Once all objects meet it: condition=NAME[=VALUE], create, delete, or JMESPath"
            " such as \"status.phase == 'Running'\".",
        ),
        option(
            "--any", "any_", is_flag=True, section=END, help="With --until: one object is enough."
        ),
        option(
            "--timeout",
            metavar="TIME",
            callback=read_by(duration),
            section=END,
            help="After that time at the latest: 30 (seconds), 30s, 5m, 1h.",
        ),
    )(function)
