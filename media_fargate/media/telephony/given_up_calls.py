"""Ends calls that the SIP library has given up, and keeps all the same.

An INVITE that is right but for a small thing (no Contact, no tag of the caller, an address nothing can be sent to) is
refused by the library. Its Python binding has reported the call's session description by then, and with that taken the
one reference that is left: the call keeps its RTP ports and one of 1,023 handles, nothing tells of it, and closing the
stack frees it twice, which aborts the process. Forty such datagrams would leave a process without RTP ports.
"""

from media.telephony.native_calls import end_call, library_calls, references_to, take_reference

__all__ = ["end_given_up_calls"]


def end_given_up_calls() -> int:
    """How many there were. To be called on the library's own thread, in no call's midst.

    A call that lives is referred to twice, by its agent and by its handle. One with a single reference has lost the
    agent's, which the library takes back as it ends the call.
    """
    given_up = [(agent, call) for agent, call in library_calls() if references_to(call) == 1]
    for agent, call in given_up:
        take_reference(call)
        end_call(agent, call)
    return len(given_up)
