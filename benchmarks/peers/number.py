"""Numbers as text."""

from math import floor, isfinite, log10


def number(value: float) -> str:
    """Write a number with 3 significant digits, and commas between thousands."""
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    for _ in range(2):  # what is rounded up may have one digit more
        digits = 2 - floor(log10(abs(value)))
        value = round(value, digits)
    return f"{value:,.{max(digits, 0)}f}"
