"""What can go wrong with a call that a client should know of."""

from sovereign.kernel.errors import GoneError, InvalidStateError, NotFoundError, UnavailableError

__all__ = [
    "CallNotFoundError",
    "CallNotInProgressError",
    "NoCapacityError",
    "RecordingErasedError",
    "RecordingNotFoundError",
]


class CallNotFoundError(NotFoundError):
    """No such call in the caller's organization (404)."""

    def __init__(self) -> None:
        super().__init__("Call not found")


class CallNotInProgressError(InvalidStateError):
    """The call is not in progress, so it cannot be controlled (400)."""

    code = "call_not_in_progress"

    def __init__(self) -> None:
        super().__init__("Call is not in progress")


class RecordingNotFoundError(NotFoundError):
    """The call has no recording, or none yet (404)."""

    def __init__(self) -> None:
        super().__init__("The call has no recording")


class RecordingErasedError(GoneError):
    """The call's recording was erased at the end of its retention period (410)."""

    def __init__(self) -> None:
        super().__init__("The recording has been erased")


class NoCapacityError(UnavailableError):
    """No media node took the call, which has ended as `rejected` (503)."""

    code = "no_capacity"

    def __init__(self, call_id: str) -> None:
        super().__init__("No capacity to place the call", retry_after=5, call_id=call_id)
