"""The second transcript of a realtime call: from its recording, in place of the one the model gave while it ran."""

from typing import Protocol

from sovereign.assistants import EffectiveAssistant
from sovereign.calls.model import Call, CallRef
from sovereign.calls.store import CallStore
from sovereign.catalog.postcall import PostcallStt
from sovereign.catalog.registry import is_realtime
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.observe import logger
from sovereign.transcription.interface import Transcriber, TranscriptionError, as_messages

_log = logger()


class RecordingAddresses(Protocol):
    """Where recordings can be fetched (`sovereign.recordings.storage.Recordings`)."""

    def address(self, call: CallRef) -> str:
        """An address of the finished recording that anybody may fetch for some minutes."""


class Openers(Protocol):
    """What opens transcribers (`sovereign.transcription.registry.Transcribers`)."""

    def open(self, config: PostcallStt, org_id: str) -> Transcriber:
        """The chosen model. Raises TranscriptionError."""


class Retranscription:
    """Transcribes the recordings of realtime calls whose assistant asks for it."""

    def __init__(
        self, *, calls: CallStore, transcribers: Openers, recordings: RecordingAddresses, cipher: Cipher
    ) -> None:
        self._calls = calls
        self._transcribers = transcribers
        self._recordings = recordings
        self._cipher = cipher

    def transcribe(self, ref: CallRef) -> bool:
        """Replace the transcript; whether that was done. A vendor that fails, or hears nothing, leaves it as it is."""
        call = self._calls.content.load_whole(ref)
        # what the summary was made of, or a report has told, stays
        if call.recording != "stored" or call.summary is not None or call.reported:
            return False
        config = self._wanted(call)
        if config is None:
            return False
        try:
            spoken = self._transcribers.open(config, ref.org_id).transcribe(self._recordings.address(ref))
        except TranscriptionError as failure:
            _log.warning("retranscription_failed", call_id=ref.call_id, reason=str(failure))
            return False
        messages = as_messages(spoken)
        if not messages:
            _log.warning("retranscription_empty", call_id=ref.call_id, provider=config.provider)
            return False
        # when a tool ran is not in a recording: what it was asked and answered follows the words
        messages += [message for message in call.messages or () if message.role not in ("user", "assistant")]
        self._calls.content.replace_messages(ref, messages)
        return True

    def _wanted(self, call: Call) -> PostcallStt | None:
        frozen = self._calls.content.load_frozen_assistant(call.ref)
        assistant = EffectiveAssistant.thaw(frozen, self._cipher, org_id=call.ref.org_id, call_id=call.ref.call_id)
        return assistant.settings.postcall_stt if is_realtime(assistant.settings.llm_config) else None
