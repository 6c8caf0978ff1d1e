"""The command: ``python -m benchmarks.soak --help``."""

import sys

from benchmarks.soak.account import Problem
from benchmarks.soak.options import parse
from benchmarks.soak.run import Rows, soak

IN_WORDS = ("errors", "failure", "problems")
"""The rows that are too long for a table."""


def show(columns: dict[str, Rows]) -> None:
    """Print a table of all runs, and below it what is said in words."""
    widths = [max(14, len(name)) for name in columns]
    print(" " * 22, *(name.rjust(width) for name, width in zip(columns, widths, strict=True)))
    first = next(iter(columns.values()))
    for label in first:
        if label not in IN_WORDS:
            cells = zip(columns.values(), widths, strict=True)
            print(label.ljust(22), *(f"{rows[label]}".rjust(width) for rows, width in cells))
    for name, rows in columns.items():
        for label in IN_WORDS:
            if rows[label] != "-":
                print(f"{name}: {label}: {rows[label]}")


def main() -> int:
    """Run, print the table, and tell whether all was well."""
    options = parse()
    options.show_log("soak")
    columns = soak(options)
    show(columns)
    return int(
        any(
            rows["failure"] != "-" or any(rows[problem] for problem in Problem)
            for rows in columns.values()
        )
    )


if __name__ == "__main__":
    sys.exit(main())
