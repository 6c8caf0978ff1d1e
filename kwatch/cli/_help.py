"""Commands and options as click has them, with a help in sections that goes through `write`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from kwatch.cli._output import write

F = TypeVar("F", bound=Callable[..., Any])

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Option(click.Option):
    """An option that belongs to a section of the help.

    Args:
        section: Its title; options without one come last.
    """

    def __init__(self, *args: Any, section: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


class Command(click.Command):
    """A command whose usage is written by hand.

    Args:
        usage: What comes after ``Usage:``.
        notes: Titles and what is under them, at the end of the help.
    """

    def __init__(
        self,
        *args: Any,
        usage: str = "",
        notes: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> None:
        attributes.setdefault("context_settings", SETTINGS)
        super().__init__(*args, **attributes)
        self.usage = usage
        self.notes = notes or {}

    def get_usage(self, _: click.Context) -> str:
        """Give the line of usage."""
        return f"Usage: {self.usage}"

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line of usage."""
        formatter.write(f"{self.get_usage(ctx)}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in their sections."""
        write_sections(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the notes."""
        for title, text in self.notes.items():
            with formatter.section(title):
                for line in text.strip("\n").splitlines():
                    formatter.write(f"  {line}\n")

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Give the option ``--help``."""
        return through_write(super().get_help_option(ctx))


class Group(Command, click.Group):
    """Commands, of which one is meant where none is named; the help is that of this one, too.

    Args:
        default: The name of the command that is meant.
    """

    def __init__(
        self,
        *args: Any,
        default: str = "",
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self.default = default
        self.no_args_is_help = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name the command that is meant, unless one is named, or an option of the group comes."""
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if args and args[0] not in self.commands and args[0] not in own:
            args = [self.default, *args]
        elif not args and not ctx.resilient_parsing:
            args = [self.default]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete the first word: a command, or what the default one begins with."""
        meant = self.commands[self.default]
        inner = meant.make_context(self.default, [], parent=ctx, resilient_parsing=True)
        found: list[Any] = []
        if incomplete.startswith("-"):
            found += meant.shell_complete(inner, incomplete)
        else:
            arguments = [it for it in meant.params if isinstance(it, click.Argument)]
            found += arguments[0].shell_complete(inner, incomplete)
        known = {item.value for item in found}
        return found + [
            item for item in super().shell_complete(ctx, incomplete) if item.value not in known
        ]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of the default command and its own, in their sections; the commands."""
        params = [*self.commands[self.default].params, *self.get_params(ctx)]
        write_sections(params, ctx, formatter)
        self.format_commands(ctx, formatter)

    def list_commands(self, _: click.Context) -> list[str]:
        """Give the commands in the order in which they were made."""
        return list(self.commands)


def through_write(option: click.Option | None) -> click.Option | None:
    """Have an option print the help by `write`, which knows of readers that have gone."""

    def show(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            write(ctx.get_help() + "\n")
            ctx.exit()

    if option is not None:
        option.callback = show
    return option


def write_sections(
    params: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Write options under the titles of their sections."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in params:
        row = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if row is not None:
            sections.setdefault(getattr(param, "section", ""), []).append(row)
    last = sections.pop("", [])
    width = max(len(names) for rows in [*sections.values(), last] for names, _ in rows)
    for title, rows in [*sections.items(), ("Other" if sections else "Options", last)]:
        with formatter.section(title):  # all columns begin at the same place
            formatter.write_dl([(names.ljust(width), text) for names, text in rows])


def option(*names: str, section: str = "", **attributes: Any) -> Callable[[F], F]:
    """Declare an option of a section."""
    return click.option(*names, cls=Option, section=section, **attributes)


def read_by(read: Callable[[str], Any]) -> Callable[..., Any]:
    """Make a callback that reads the text of an option, and names the option if it is wrong."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return read(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return callback
