"""The command with its sub-commands, from the arguments to the exit status."""

import os
from collections.abc import Sequence
from typing import Any

import click
import httpx

from kwatch import KwatchError, __version__
from kwatch.cli import _options as options
from kwatch.cli._help import Command, Group, Option, option, read_by
from kwatch.cli._output import OutputError, say, say_bare, write
from kwatch.cli._signals import Stopped, stoppable
from kwatch.cli._values import speed

FAILED = 1
WRONG_USAGE = 2
PIPE_CLOSED = 141  # 128 + SIGPIPE, which Python ignores

_COMPLETE = "_KWATCH_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")

_EXAMPLES = """\
kwatch pods -A                         what exists everywhere, and each change
kwatch deployments.apps -o diff        what changes in each of them
kwatch pods -n shop -n blog --table    a live table of two namespaces
kwatch po -l app=web -o json | jq .    {"type": "created", "object": {...}}
kwatch pod/web-1 --until condition=Ready --timeout 5m
kwatch po -l app=web --until "status.phase == 'Running'" --timeout 90s
kwatch record pods -A -f pods.kwatch   then: kwatch replay pods.kwatch --table
kwatch demo                            a cluster in this process, to try it
"""

_SHELL_FILES = """\
bash  eval "$(kwatch completion bash)"    in ~/.bashrc
zsh   eval "$(kwatch completion zsh)"     in ~/.zshrc
fish  kwatch completion fish | source     in ~/.config/fish/config.fish
"""

_STATUSES = """\
0    the end: --until is met, --timeout without it, the end of a recording
1    an error, or --timeout before --until was met or the server has answered
2    wrong usage
130  ended by Ctrl-C
141  nobody reads the output any more
143  ended by SIGTERM
"""


def run(argv: Sequence[str]) -> int:
    """Do what the arguments say, until that is done, or a signal comes.

    Args:
        argv: The arguments.

    Returns:
        The exit status. An error was told in one line on stderr; signals and closed pipes are
        quiet.
    """
    try:
        with stoppable():
            return _run(list(argv))
    except Stopped as stopped:
        return stopped.status
    except OutputError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            return PIPE_CLOSED
        say(f"cannot write to stdout: {error.__cause__}")
    except httpx.TransportError as error:
        say(f"cannot reach {error.request.url}: {str(error) or type(error).__name__}")
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (KwatchError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        say(str(error))
    return FAILED


def _run(argv: list[str]) -> int:
    try:
        if instruction := os.environ.get(_COMPLETE):
            from click.shell_completion import shell_complete

            return shell_complete(cli, {}, "kwatch", _COMPLETE, instruction)
        with cli.make_context("kwatch", argv) as ctx:
            cli.invoke(ctx)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        ctx = error.ctx or click.Context(cli)
        where = ctx.command_path.removesuffix(f" {cli.default}")
        say_bare(f"{ctx.get_usage()}; more: {where} --help")
        say(error.format_message().removesuffix("."))
        return WRONG_USAGE
    return 0


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        write(f"kwatch {__version__}\n")
        ctx.exit()


cli = Group(
    "kwatch",
    usage="kwatch RESOURCE [NAME] [OPTIONS]",
    default="watch",
    help="""Print the Kubernetes objects of a kind, and then each change as it happens.

    RESOURCE is a kind, plural, short name or name with a group: Pod, pods, po, deployments.apps.
    NAME is one object of it; pod/web-1 is the same as pod web-1.""",
    params=[
        Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Show the version and exit.",
        )
    ],
    notes={"Examples": _EXAMPLES, "Exit status": _STATUSES},
)


@cli.command(
    "watch",
    cls=Command,
    usage="kwatch RESOURCE [NAME] [OPTIONS]",
    short_help="What is meant where no command is named.",
)
@options.selection
@options.output
@options.verbose
@options.ending
@options.cluster
@options.connection
@options.decoding
def _watch(**values: Any) -> None:
    """Print the objects that exist, and then each change as it happens.

    The word watch is needed only where RESOURCE is called like another command.
    """
    from kwatch.cli._watch import show

    show(values)


@cli.command(
    "record",
    cls=Command,
    usage="kwatch record RESOURCE [NAME] -f FILE [OPTIONS]",
    short_help="Write what happens into a file.",
)
@option(
    "-f",
    "--file",
    metavar="FILE",
    type=click.Path(),
    required=True,
    section="The recording",
    help="Where to write.",
)
@option("--overwrite", is_flag=True, section="The recording", help="Replace a file that is there.")
@options.selection
@options.verbose
@options.ending
@options.cluster
@options.connection
def _record(**values: Any) -> None:
    """Write the objects that exist and each change, with their times, into a file.

    It ends by Ctrl-C, --timeout or --until; whatever ends it, the file can be replayed. The values
    of Secrets are not written.
    """
    from kwatch.cli._watch import record

    record(values)


@cli.command(
    "replay",
    cls=Command,
    usage="kwatch replay FILE [OPTIONS]",
    short_help="Show what was recorded.",
)
@click.argument("file", metavar="FILE", type=click.Path())
@option(
    "--speed",
    metavar="N",
    callback=read_by(speed),
    section="The recording",
    help="1 as it was recorded, 10 ten times as fast. Default: as fast as possible.",
)
@options.output
@options.ending
def _replay(**values: Any) -> None:
    """Show what was recorded, with the times of then."""
    from kwatch.cli._replay import replay

    replay(values)


@cli.command(
    "demo",
    cls=Command,
    usage="kwatch demo [RESOURCE] [NAME] [OPTIONS]",
    short_help="Try it all on a cluster in this process.",
)
@option("--faults", is_flag=True, help="Let connections break and servers fail, every few seconds.")
@options.selection
@options.output
@options.verbose
@options.ending
@options.connection
@options.decoding
def _demo(**values: Any) -> None:
    """Watch a cluster that lives in this process: pods that come, change and go.

    On a terminal it is a table, unless -o or --allow-bookmarks is given. Without -n, all namespaces
    are watched.
    """
    from kwatch.cli._watch import show_demo

    show_demo(values)


@cli.command(
    "completion",
    cls=Command,
    usage="kwatch completion bash|zsh|fish",
    short_help="Print what makes a shell complete kwatch.",
    notes={"In a shell": _SHELL_FILES},
)
@click.argument("shell", metavar="SHELL", type=click.Choice(_SHELLS))
def _completion(shell: str) -> None:
    """Print the script that makes a shell complete resources, names, namespaces and options."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is not None:
        write(found(cli, {}, "kwatch", _COMPLETE).source())
