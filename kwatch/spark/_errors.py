"""What the source raises besides what `kwatch.watch` does."""

from kwatch._errors import KwatchError


class ClusterError(KwatchError):
    """One of the clusters cannot be watched; its cause (``__cause__``) says why."""


class OffsetError(KwatchError):
    """The offsets of a checkpoint are not those of this query."""


class GapError(KwatchError):
    """Events are gone for good, and ``on_gap`` is ``fail``."""
