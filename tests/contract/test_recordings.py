"""Recordings over HTTP: the link, the key, and everybody who may not have them."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from infra.embedded.cloud import cloud_client
from sovereign.calls.items import row_item
from sovereign.calls.keys import lookup_ref
from sovereign.calls.model import Call, CallRef, CallStatus, EndReason
from sovereign.kernel.clock import utc_now
from sovereign.kernel.ids import new_call_id
from sovereign.recordings.layout import recording_key, wav_header
from tests.contract.client import Api
from tests.contract.history import load
from tests.contract.organizations import Organizations

SOUND = wav_header(8000, 3200) + bytes(3200)


@dataclass(frozen=True)
class Recorded:
    """An organization's view, and ids of its calls: with a recording, with an erased one, without."""

    api: Api
    url: str
    stored: str
    erased: str
    silent: str


@pytest.fixture(scope="module")
def recorded(organizations: Organizations) -> Iterator[Recorded]:
    owner, now = organizations.create("Recorded"), utc_now()
    calls = [
        Call(
            ref=CallRef(owner.id, new_call_id("inbound"), number),
            direction="inbound",
            status=CallStatus.ENDED,
            end_reason=EndReason.USER_HANGUP,
            created_at=now,
            updated_at=now,
            reported=True,
            recording=recording,  # type: ignore[arg-type]  # both are values of it
        )
        for number, recording in enumerate(("stored", "erased", None), 1)
    ]
    items = [row_item(call) for call in calls]
    items += [{**lookup_ref(owner.id, c.ref.call_id)._asdict(), "number": c.ref.number} for c in calls]
    load(cloud_client("dynamodb", organizations.endpoint), organizations.table_name, items)
    configured = cloud_client("lambda", organizations.endpoint).get_function_configuration
    bucket = configured(FunctionName="sovereign-embedded-calls")["Environment"]["Variables"]["RECORDINGS_BUCKET"]
    key = recording_key(owner.id, calls[0].ref.call_id)
    cloud_client("s3", organizations.endpoint).put_object(Bucket=bucket, Key=key, Body=SOUND)
    with owner.client() as client:
        yield Recorded(client, owner.api_url, *(call.ref.call_id for call in calls))


def asked(url: str, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.get(url, headers=headers, trust_env=False, timeout=30)


def link(recorded: Recorded) -> str:
    url: str = recorded.api.get(f"/calls/{recorded.stored}")["recording_url"]
    return url


def test_the_link_needs_no_key_and_leads_to_the_sound(recorded: Recorded) -> None:
    url = link(recorded)
    assert url.startswith(f"{recorded.url}/calls/{recorded.stored}/recording?t=")
    answer = asked(url)
    assert (answer.status_code, answer.content) == (302, b"")
    assert answer.headers["x-ratelimit-limit"].isdecimal()
    sound = asked(answer.headers["location"])
    assert (sound.status_code, sound.content) == (200, SOUND)
    assert sound.headers["content-type"] == "audio/wav"


def test_the_key_leads_there_too(recorded: Recorded) -> None:
    answer = asked(f"{recorded.url}/calls/{recorded.stored}/recording", recorded.api.key)
    assert answer.status_code == 302
    assert asked(answer.headers["location"]).content == SOUND


def test_nobody_else_is_let_in(recorded: Recorded, stranger: Api) -> None:
    url, path = link(recorded), f"/calls/{recorded.stored}/recording"
    token = url.partition("?t=")[2]
    assert stranger.get(path, expect=404)["code"] == "not_found"
    for wrong in ("", f"?t={token[:-1]}{'0' if token[-1] != '0' else '1'}", "?t=1.x.0", f"?t=9{token}"):
        answer = asked(f"{recorded.url}{path}{wrong}")
        assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized"), wrong
    # another call's token
    assert asked(f"{recorded.url}/calls/{recorded.silent}/recording?t={token}").status_code == 401


def test_what_is_not_there_is_404_and_what_was_erased_410(recorded: Recorded) -> None:
    assert recorded.api.get(f"/calls/{recorded.silent}/recording", expect=404)["message"] == "The call has no recording"
    assert recorded.api.get(f"/calls/{recorded.erased}/recording", expect=410)["code"] == "gone"
    assert recorded.api.get(f"/calls/{recorded.erased}")["recording_url"] is None
