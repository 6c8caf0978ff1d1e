"""The arguments of faults: what makes sense, and how they are written."""

from http import HTTPStatus

DAY_SECONDS = 86_400


def also(**arguments: object) -> str:
    """The arguments that are given, as they follow others in a call."""
    return "".join(f", {name}={value!r}" for name, value in arguments.items() if value is not None)


def check_whole(fault: str, name: str, value: object, least: int = 0) -> None:
    """See that it is a whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{fault}: {name}={value!r}: expected a whole number from {least}")


def check_seconds(fault: str, name: str, value: object) -> None:
    """See that it is a duration."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1
    if not 0 <= number < DAY_SECONDS:
        raise ValueError(f"{fault}: {name}={value!r}: expected seconds from 0, below a day")


def check_code(fault: str, value: object) -> None:
    """See that it is the code of a refusal."""
    known = [status.value for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST]
    if not isinstance(value, int) or value not in known:
        raise ValueError(f"{fault}: code={value!r}: expected an HTTP status from 400 to 599")
