"""Why a watcher or a supervisor has ended, and which reasons are a failure."""

from typing import Any, NoReturn

from kwatch._errors import WatcherFailed


def is_normal(reason: Any) -> bool:
    """Whether a reason to end is no failure.

    >>> is_normal("shutdown"), is_normal(("shutdown", "cache is full")), is_normal("cache is full")
    (True, True, False)
    """
    if isinstance(reason, tuple):
        return len(reason) == 2 and isinstance(reason[0], str) and reason[0] == "shutdown"
    return isinstance(reason, str) and reason in ("normal", "shutdown")


def checked(name: str, reason: Any) -> Any:
    """Give a reason back if it is normal.

    Raises:
        WatcherFailed: It is not.
    """
    if not is_normal(reason):
        fail(name, reason)
    return reason


def fail(name: str, reason: Any, message: str = "", cause: BaseException | None = None) -> NoReturn:
    """Say that a watcher or supervisor of this name has failed.

    Raises:
        WatcherFailed: Always.
    """
    if isinstance(reason, BaseException):
        cause = reason
    raise WatcherFailed(name, reason, message) from cause
