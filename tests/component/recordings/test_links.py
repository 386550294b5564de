"""Links to recordings: what their tokens open, and for how long."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from sovereign.calls.model import Call, CallRef, CallStatus
from sovereign.kernel.errors import UnauthorizedError
from sovereign.recordings.links import LinkExpiredError, RecordingLinks
from tests.component.calls.harness import ORG, OTHER_ORG, START, FakeClock

CALL = Call(
    ref=CallRef(ORG, "call-inbound-abc", 1),
    direction="inbound",
    status=CallStatus.ENDED,
    created_at=START,
    updated_at=START,
    recording="stored",
)


def links(clock: FakeClock, secret: str = "s" * 64) -> RecordingLinks:
    return RecordingLinks(clock, secret=secret, api_url="https://api.example.com/api/v1")


def token_of(made: RecordingLinks) -> str:
    url = made.url(CALL)
    assert url is not None
    parts = urlsplit(url)
    assert parts._replace(query="").geturl() == "https://api.example.com/api/v1/calls/call-inbound-abc/recording"
    [token] = parse_qs(parts.query)["t"]
    return token


def test_token_opens_its_call_for_seven_days() -> None:
    clock = FakeClock()
    made = links(clock)
    token = token_of(made)
    clock.advance(days=7, seconds=-1)
    assert made.organization_of("call-inbound-abc", token) == ORG
    clock.advance(seconds=1)
    with pytest.raises(LinkExpiredError):
        made.organization_of("call-inbound-abc", token)


def test_token_of_another_call_organization_time_or_secret_is_refused() -> None:
    made = links(FakeClock())
    token = token_of(made)
    expires, _, signature = token.split(".")
    forged = (
        f"{expires}.{OTHER_ORG}.{signature}",
        f"{int(expires) + 1}.{ORG}.{signature}",
        f"{expires}.{ORG}.{'0' * 64}",
        f"{expires}.{ORG}",
        "",
        token + "0",
    )
    for wrong in forged:
        with pytest.raises(UnauthorizedError):
            made.organization_of("call-inbound-abc", wrong)
    with pytest.raises(UnauthorizedError):
        made.organization_of("call-inbound-abd", token)
    with pytest.raises(UnauthorizedError):
        links(FakeClock(), secret="t" * 64).organization_of("call-inbound-abc", token)


def test_call_without_a_recording_has_no_link() -> None:
    made = links(FakeClock())
    assert made.url(replace(CALL, recording=None)) is None
    assert made.url(replace(CALL, recording="erased")) is None
