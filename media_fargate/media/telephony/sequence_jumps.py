"""Has a call heard again whose far end counts its packets anew.

The library's jitter buffer throws away what comes later, by its number, than what it has played: also every packet of
a far end that went on with smaller numbers (another media server took over, or a single stray packet was far ahead),
for minutes. When nearly all of a call's packets are thrown away so, the buffer is emptied and begins with the next.
"""

from collections.abc import Mapping

from media.telephony.native_calls import Media, empty_buffer

__all__ = ["SequenceJumps", "all_too_late"]

FEWEST_PACKETS = 10
"""In so many a bad line cannot be mistaken for a jump: at 20 ms a fifth of a second."""
TOO_LATE_SHARE = 0.9


def all_too_late(packets: int, late: int) -> bool:
    """Whether of so many packets nearly all were thrown away for their numbers."""
    return packets >= FEWEST_PACKETS and late >= TOO_LATE_SHARE * packets


class SequenceJumps:
    """Looks after all calls; `look` is to be called on the library's thread."""

    def __init__(self) -> None:
        self._seen: dict[int, Media] = {}

    def look(self, calls: Mapping[int, Media]) -> None:
        """Empty the buffers that play nothing more."""
        for call, media in calls.items():
            seen = self._seen.get(call)
            if seen is None or seen.packets > media.packets or seen.late > media.late:  # another call's, or begun anew
                self._seen[call] = media
            elif all_too_late(media.packets - seen.packets, media.late - seen.late):
                empty_buffer(media)
                self._seen[call] = media
            elif media.packets - seen.packets >= FEWEST_PACKETS:
                self._seen[call] = media
        self._seen = {call: media for call, media in self._seen.items() if call in calls}
