"""What a server was found to be unable to do, so that it is not asked again."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server cannot do, by resource; all watches of one client share it.

    A resource stands for itself in all of its namespaces: ``"/api/v1/pods"``.

    Attributes:
        no_streaming: The resources that have no streaming list.
        no_metadata: Those that are refused (406) where metadata alone would be accepted.
    """

    no_streaming: set[str] = field(default_factory=set)
    no_metadata: set[str] = field(default_factory=set)
