"""The sessions of one stream: what one fails at need not stop the others."""


class Siblings:
    """Tells a session that fails at its start whether to raise, or to go on trying.

    A stream of several namespaces has a session for each. One that is forbidden, say, is tried
    again as long as another one is not: only when all have failed is it an error.

    Args:
        count: How many sessions there are.

    >>> alone, two = Siblings(1), Siblings(2)
    >>> alone.bear("a"), two.bear("a"), two.bear("a"), two.bear("b")
    (False, True, True, False)
    """

    def __init__(self, count: int = 1) -> None:
        self._count = count
        self._failed: set[object] = set()
        self._succeeded = False

    def succeed(self) -> None:
        """Note that one has begun well: from now on none is an error for all."""
        self._succeeded = self._count > 1

    def bear(self, session: object) -> bool:
        """Note that a session has failed at its start; tell whether the others bear it."""
        self._failed.add(session)
        return self._succeeded or len(self._failed) < self._count
