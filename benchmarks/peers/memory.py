"""The resident memory of this process, in MB."""

from pathlib import Path

LINUX = Path("/proc/self")


def resident() -> float:
    """Give what it has now."""
    if LINUX.exists():
        return _field("smaps_rollup", "Rss:")  # counts, where the status estimates
    import psutil  # type: ignore[import-untyped]

    rss: int = psutil.Process().memory_info().rss
    return rss / 1e6


def peak() -> float:
    """Give the most that it had, since it began or since `reset_peak`."""
    if LINUX.exists():
        return _field("status", "VmHWM:")  # not ru_maxrss, which begins with that of the parent
    from resource import RUSAGE_SELF, getrusage

    return getrusage(RUSAGE_SELF).ru_maxrss / 1e6


def reset_peak() -> None:
    """Have the peak be what it has now; elsewhere than on Linux, nothing happens."""
    if LINUX.exists():
        (LINUX / "clear_refs").write_text("5")


def _field(file: str, name: str) -> float:
    lines = (LINUX / file).read_text().splitlines()
    kibibytes = next(line.split()[1] for line in lines if line.startswith(name))
    return int(kibibytes) * 1024 / 1e6
