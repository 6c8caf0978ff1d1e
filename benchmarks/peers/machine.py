"""Where and when it is measured: the machine, the versions, the date."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CPUS = Path("/proc/cpuinfo")


def machine() -> str:
    """Describe the machine in a line, without its name."""
    import psutil  # type: ignore[import-untyped]

    parts = (
        f"{os.cpu_count()} cores of {_processor()}",
        f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        f"{platform.python_implementation()} {platform.python_version()}",
    )
    return ", ".join(parts)


def today() -> str:
    """Give the date, in UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """Give the versions of those that are installed."""
    found = {}
    for name in dict.fromkeys(distributions):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    models = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return " ".join(next(models, platform.processor() or platform.machine()).split())
