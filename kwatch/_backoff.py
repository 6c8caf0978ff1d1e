"""How long to wait before the next attempt."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow from one failed attempt to the next, up to a maximum, without an end.

    The delay before attempt ``n`` (from 0) is ``min(initial * factor**n, maximum)`` seconds, of
    which a share of at most ``jitter`` is taken away at random, so that many clients of a server
    that restarts do not come back in step.

    Args:
        initial: The first delay, seconds.
        factor: By how much each delay is longer than the one before.
        maximum: The longest delay, seconds.
        jitter: The largest share of a delay that chance takes away, from 0 to 1.

    Raises:
        ValueError: A number makes no sense, e.g. a maximum below the initial delay.

    >>> backoff = Backoff()
    >>> [backoff.delay(attempt, 0.0) for attempt in range(7)]
    [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]
    >>> backoff.delay(0, 1.0)
    0.4

    Source: client-go's reflector waits 0.8 s at first, doubles it, and stops at 30 s.
    """

    initial: float = 0.8
    factor: float = 2.0
    maximum: float = 30.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        for name, right, expected in (
            ("initial", self.initial > 0, "a number of seconds above 0"),
            ("factor", self.factor >= 1, "a number from 1"),
            ("maximum", self.initial <= self.maximum < 86_400, "initial or more, below a day"),
            ("jitter", 0 <= self.jitter <= 1, "a share from 0 to 1"),
        ):
            if not right:
                raise ValueError(f"Backoff.{name}: expected {expected}, got {getattr(self, name)}")

    def delay(self, attempt: int, chance: float) -> float:
        """Give the delay before an attempt.

        Args:
            attempt: How many attempts failed before, from 0.
            chance: A random number in [0, 1).

        Returns:
            Seconds.
        """
        delay = self.initial
        for _ in range(attempt):
            if delay >= self.maximum or self.factor == 1:
                break
            delay *= self.factor
        return min(delay, self.maximum) * (1 - self.jitter * chance)
