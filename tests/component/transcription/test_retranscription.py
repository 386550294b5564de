"""The second transcript: which calls get one, and that nothing is lost when it cannot be made."""

from typing import Any

import pytest

from functions.after_call_tasks import handler as after_call
from sovereign.analysis.reporting import write_report
from sovereign.calls.model import CallRef, Message
from sovereign.catalog.postcall import PostcallStt
from sovereign.transcription.interface import Spoken, Transcriber, TranscriptionError
from sovereign.transcription.registry import Transcribers
from sovereign.transcription.retranscription import Retranscription
from tests.component.calls.harness import ORG
from tests.component.webhooks.world import CIPHER, World

REALTIME: dict[str, Any] = {
    "llm_config": {"provider": "openai_live", "model": "gpt-live-1"},
    "stt_config": None,
    "tts_config": None,
    "postcall_stt": {"provider": "deepgram", "model": "nova-3", "language": "en"},
}
LIVE = [Message("user", "Hello"), Message("assistant", "Good day")]
HEARD = [Spoken(0.1, 1, "Good morning."), Spoken(1.0, 0, "Hello there."), Spoken(2.0, 0, "Are you open?")]


class Vendor:
    """Hears what it is told to, or fails."""

    def __init__(self, heard: list[Spoken] | TranscriptionError) -> None:
        self.heard = heard
        self.opened: list[tuple[str, str]] = []
        self.addresses: list[str] = []

    def open(self, config: PostcallStt, org_id: str) -> Transcriber:
        self.opened.append((config.provider, org_id))
        return self

    def transcribe(self, address: str) -> list[Spoken]:
        self.addresses.append(address)
        if isinstance(self.heard, TranscriptionError):
            raise self.heard
        return self.heard

    def address(self, call: CallRef) -> str:
        return f"https://recordings.example.com/{call.call_id}.wav"


def recorded_call(world: World, *messages: Message, **members: Any) -> CallRef:
    ref = world.start_call(**(REALTIME | members))
    world.end_call(ref, messages=list(messages) or None)
    world.calls.content.mark_recorded(ref)
    return ref


def transcribe(world: World, ref: CallRef, vendor: Vendor) -> bool:
    return Retranscription(calls=world.calls, transcribers=vendor, recordings=vendor, cipher=CIPHER).transcribe(ref)


def test_a_realtime_calls_transcript_is_made_again_from_its_recording(world: World) -> None:
    ref = recorded_call(world)
    vendor = Vendor(HEARD)
    assert transcribe(world, ref, vendor)
    assert world.calls.content.load_whole(ref).messages == [
        Message("assistant", "Good morning."),
        Message("user", "Hello there. Are you open?"),
    ]
    assert vendor.opened == [("deepgram", ORG)]
    assert vendor.addresses == [f"https://recordings.example.com/{ref.call_id}.wav"]


def test_every_batch_of_the_live_transcript_is_replaced(world: World) -> None:
    ref = world.start_call(**REALTIME)
    for batch in range(3):
        world.calls.content.append_messages(ref, batch, [Message("user", f"{batch} {'long ' * 60_000}")])
    world.end_call(ref, messages=[Message("assistant", "first")])
    world.calls.content.mark_recorded(ref)
    other = recorded_call(world)
    assert transcribe(world, ref, Vendor(HEARD))
    assert transcribe(world, ref, Vendor(HEARD[:1]))
    assert world.calls.content.load_whole(ref).messages == [Message("assistant", "Good morning.")]
    assert world.calls.content.load_whole(other).messages == LIVE


def test_a_long_transcript_is_stored_whole(world: World) -> None:
    ref = recorded_call(world)
    spoken = [Spoken(float(at), at % 2, f"sentence {at} " + "of many words " * 10) for at in range(2000)]
    assert transcribe(world, ref, Vendor(spoken))
    messages = world.calls.content.load_whole(ref).messages
    assert messages is not None
    assert [message.content.split()[1] for message in messages] == [str(at) for at in range(2000)]


def test_what_tools_said_stays(world: World) -> None:
    tool = Message("tool", '{"booked": true}')
    ref = recorded_call(world, *LIVE[:1], tool, *LIVE[1:])
    assert transcribe(world, ref, Vendor(HEARD[:1]))
    assert world.calls.content.load_whole(ref).messages == [Message("assistant", "Good morning."), tool]


@pytest.mark.parametrize("heard", [TranscriptionError("deepgram", "answered 503"), [], [Spoken(1.0, 0, "  ")]])
def test_without_a_result_the_live_transcript_stays_and_the_report_follows(
    world: World, heard: list[Spoken] | TranscriptionError
) -> None:
    ref = recorded_call(world)
    assert not transcribe(world, ref, Vendor(heard))
    assert world.calls.content.load_whole(ref).messages == LIVE
    write_report(world.calls, ref)
    assert world.calls.content.load_whole(ref).reported


@pytest.mark.parametrize(
    "members",
    [
        {"postcall_stt": None},
        {
            "llm_config": {"provider": "local", "model": "intents"},
            "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
            "tts_config": {"provider": "local", "voice_id": "heart"},
        },
    ],
)
def test_a_call_that_does_not_ask_for_it_is_left_alone(world: World, members: dict[str, Any]) -> None:
    ref = recorded_call(world, **members)
    vendor = Vendor(HEARD)
    assert not transcribe(world, ref, vendor)
    assert vendor.opened == []
    assert world.calls.content.load_whole(ref).messages == LIVE


def test_a_call_without_a_recording_is_left_alone(world: World) -> None:
    ref = world.start_call(**REALTIME)
    world.end_call(ref)
    vendor = Vendor(HEARD)
    assert not transcribe(world, ref, vendor)
    assert vendor.opened == []


def test_what_was_summarised_or_reported_is_left_alone(world: World) -> None:
    summarised, reported = recorded_call(world), recorded_call(world)
    world.calls.content.save_after_call(summarised, summary="They greeted.")
    write_report(world.calls, reported)
    vendor = Vendor(HEARD)
    assert not transcribe(world, summarised, vendor)
    assert not transcribe(world, reported, vendor)
    assert vendor.opened == []


def test_the_state_machines_step_transcribes_what_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor, recorded, silent = Vendor(HEARD), recorded_call(world), world.start_call(**REALTIME)
    environment = after_call.TasksEnvironment(table_name="t", recordings_bucket="recordings")
    monkeypatch.setattr(after_call, "read_environment", lambda _: environment)
    monkeypatch.setattr(after_call, "_calls", lambda: world.calls)
    monkeypatch.setattr(after_call, "_recordings", lambda _: vendor)
    monkeypatch.setattr(after_call, "default_cipher", lambda: CIPHER)
    monkeypatch.setattr(after_call.KeyRing, "from_environment", lambda: None)
    monkeypatch.setattr(Transcribers, "open", lambda _, config, org_id: vendor.open(config, org_id))
    for ref in (silent, recorded):
        task = {"step": "transcribe", "org_id": ref.org_id, "call_id": ref.call_id, "call_number": ref.number}
        assert after_call.handler(task, None) == {"step": "transcribe"}  # type: ignore[arg-type]
    assert vendor.addresses == [f"https://recordings.example.com/{recorded.call_id}.wav"]
    assert world.calls.content.load_whole(recorded).messages != LIVE
