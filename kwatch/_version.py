"""The version of kwatch."""

from functools import cache


@cache
def version() -> str:
    """Look it up in the metadata; ``"unknown"`` where kwatch is not installed but only on the path.

    That is done when somebody asks: ``importlib.metadata`` takes a fifth of the time of an import.
    """
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of("kwatch-stream")
    except PackageNotFoundError:
        return "unknown"
