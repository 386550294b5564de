"""Which of the stack's telephone events (RFC 4733) are key presses, when the network brought packets out of order.

The stack tells that a press began and that one ended, knows no press by its timestamp, and takes an update that comes
after the end for a new press.
"""

LATE_SECONDS = 0.04
"""Nobody presses a key again so soon after letting go of it (ITU-T Q.24), but packets may be so late."""
_REPEATED_ENDS_SECONDS = 0.12
"""An end is said three times; one that comes later than this is the end of something else."""


class KeyPresses:
    """The presses of one leg. Moments are seconds of one clock, taken when the stack told of the event."""

    def __init__(self) -> None:
        self._key = ""
        self._ended_at: float | None = None
        self._late_at: float | None = None

    def began(self, key: str, at: float) -> bool:
        """Whether this begin is one of a press that was not told yet."""
        again = key == self._key and self._ended_at is not None and at - self._ended_at < LATE_SECONDS
        if again:
            self._late_at = at
            return False
        self._key, self._ended_at, self._late_at = key, None, None
        return True

    def ended(self, at: float) -> str | None:
        """A press that this end is the only sign of, if it is.

        After a late update the stack believes the key to be down, and does not tell when it is pressed again.
        """
        late_at, self._late_at = self._late_at, None
        hidden = late_at is not None and at - late_at > _REPEATED_ENDS_SECONDS
        if hidden or self._ended_at is None:
            self._ended_at = at
        return self._key if hidden else None
