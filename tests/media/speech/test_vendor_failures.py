"""What every vendor adapter must do when things go wrong: one suite over all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from media.speech import google_api, openai_api
from media.speech.interfaces import BadKeyError, ProviderError, QuotaError, Recogniser
from media.speech.llm import mistral as mistral_chat
from media.speech.tts import elevenlabs as elevenlabs_speech
from media.speech.tts import inworld as inworld_speech
from media.speech.tts import xai as xai_speech
from tests.fakes.server import BAD_KEY, GOOD_KEY, QUOTA_KEY, Trouble
from tests.media.speech.recognisers import RECOGNISERS, speech
from tests.media.speech.vendors import CHATS, VOICES, Use

SILENCE = (openai_api, google_api, mistral_chat, elevenlabs_speech, inworld_speech, xai_speech)


def _recogniser(make: Callable[..., Recogniser]) -> Use:
    async def use(url: str, key: str) -> AsyncIterator[Any]:
        session = await make(url, key).open(8000)
        try:
            for _ in range(20):
                await session.feed(speech(0.2))
                await asyncio.sleep(0)
            async with aclosing(session.transcripts()) as transcripts:
                async for transcript in transcripts:
                    yield transcript
                    if transcript.final:
                        return
                    await session.finalise()
        finally:
            await session.close()

    return use


@dataclass(frozen=True)
class Vendor:
    fake: Callable[[Trouble | None], Any]
    use: Use
    bad_key_status: int = 401


VENDORS = {
    **{f"{name}-chat": Vendor(vendor.fake, vendor.use) for name, vendor in CHATS.items()},
    # the Gemini API calls a wrong key a bad request
    **{
        f"{name}-speech": Vendor(vendor.fake, vendor.use, 400 if name == "google-gemini" else 401)
        for name, vendor in VOICES.items()
    },
    **{name: Vendor(vendor.fake, _recogniser(vendor.make)) for name, vendor in RECOGNISERS.items()},
}


@pytest.fixture(params=VENDORS, ids=str)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


async def drain(vendor: Vendor, server: Any, key: str = GOOD_KEY) -> list[Any]:
    return [piece async for piece in vendor.use(server.url, key)]


async def test_a_good_key_is_served(vendor: Vendor) -> None:
    async with vendor.fake(None) as server:
        assert await drain(vendor, server)


async def test_a_bad_key_is_named_as_such_and_not_told(vendor: Vendor) -> None:
    async with vendor.fake(None) as server:
        with pytest.raises(BadKeyError) as raised:
            await drain(vendor, server, BAD_KEY)
    assert not raised.value.retryable
    assert raised.value.status == vendor.bad_key_status
    assert BAD_KEY not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


async def test_an_exhausted_quota_is_told_from_a_bad_key(vendor: Vendor) -> None:
    async with vendor.fake(None) as server:
        with pytest.raises(QuotaError) as raised:
            await drain(vendor, server, QUOTA_KEY)
    assert not raised.value.retryable


async def test_a_server_error_may_be_tried_again(vendor: Vendor) -> None:
    async with vendor.fake(Trouble(status=503)) as server:
        with pytest.raises(ProviderError) as raised:
            await drain(vendor, server)
        assert not server.requests, "the adapter must not retry by itself"
    assert raised.value.retryable
    assert raised.value.status == 503


@pytest.mark.parametrize("pieces", [0, 2])
async def test_a_cut_connection_is_a_failure_that_may_be_tried_again(vendor: Vendor, pieces: int) -> None:
    async with vendor.fake(Trouble(drop_after=pieces)) as server:
        with pytest.raises(ProviderError) as raised:
            await drain(vendor, server)
    assert raised.value.retryable
    assert not isinstance(raised.value, BadKeyError | QuotaError)


async def test_a_server_that_is_not_there_is_a_failure_that_may_be_tried_again(vendor: Vendor) -> None:
    async with vendor.fake(None) as server:
        url = server.url
    with pytest.raises(ProviderError) as raised:
        [piece async for piece in vendor.use(url, GOOD_KEY)]
    assert raised.value.retryable


_BROKEN = [b"data: {not json\n\n", b"data: \xff\n\n"]


@pytest.mark.parametrize(
    ("name", "garbled"),
    [
        *((name, garbled) for name in CHATS for garbled in _BROKEN),
        # Gemini's SDK passes over what is no object
        *((name, b'data: "text"\n\n') for name in CHATS if name != "google"),
    ],
)
async def test_an_unreadable_answer_is_a_failure_that_may_be_tried_again(name: str, garbled: bytes) -> None:
    async with CHATS[name].fake(Trouble(garbled=garbled)) as server:
        with pytest.raises(ProviderError) as raised:
            _ = [event async for event in CHATS[name].use(server.url, GOOD_KEY)]
    assert raised.value.retryable
    assert raised.value.__suppress_context__


STREAMS = {name: vendor for name, vendor in VENDORS.items() if name not in RECOGNISERS}


@pytest.mark.parametrize("name", STREAMS)
async def test_cancelling_the_iteration_cancels_the_request(name: str) -> None:
    vendor = STREAMS[name]
    async with vendor.fake(Trouble(between_delay=30)) as server:
        async with aclosing(vendor.use(server.url, GOOD_KEY)) as pieces:
            waiting = asyncio.ensure_future(_exhaust(pieces))
            await _until(lambda: server.open_connections == 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await _until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("name", STREAMS)
async def test_a_silent_server_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in SILENCE:
        monkeypatch.setattr(module, "_SILENCE_SECONDS", 0.2)
    vendor = STREAMS[name]
    async with vendor.fake(Trouble(first_delay=30)) as server:
        with pytest.raises(ProviderError, match="in time") as raised:
            await drain(vendor, server)
    assert raised.value.retryable


def test_every_adapter_names_its_provider_as_the_catalogue_does() -> None:
    for vendor in (*CHATS.values(), *VOICES.values()):
        assert vendor.config["provider"] == vendor.module.PROVIDER


@pytest.mark.parametrize(
    "text", ["not json", "[]", "{}", '{"project_id": "p", "private_key": "x", "client_email": "e"}']
)
def test_what_is_no_service_account_is_a_bad_key(text: str) -> None:
    with pytest.raises(BadKeyError) as raised:
        google_api.ServiceAccount(text)
    assert text not in str(raised.value)


def test_a_service_of_ones_own_needs_no_service_account() -> None:
    account = google_api.ServiceAccount("none", stand_in=True)
    assert (account.project, account.authorization()) == ("unknown", "Bearer none")


async def _exhaust(pieces: AsyncIterator[Any]) -> None:
    async for _ in pieces:
        pass


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
