"""Entry point of the after_call state machine's tasks."""

from datetime import timedelta
from functools import cache
from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict

from sovereign.analysis.analyst import CallAnalyst
from sovereign.analysis.reporting import write_report
from sovereign.analysis_templates import AnalysisTemplateStore
from sovereign.calls.model import CallRef
from sovereign.calls.store import CallStore
from sovereign.completion.registry import Completions
from sovereign.kernel.clock import to_wire, utc_now
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.provider_keys import KeyRing, base_urls
from sovereign.recordings.storage import Recordings

LATE_AFTER = timedelta(seconds=20)
"""How long after a call's end its node may take to store pieces that are late: an attempt with its repetitions after a
short outage. What comes later yet is put into the recording when the step is run again."""


class TasksEnvironment(Environment):
    """TABLE_NAME, RECORDINGS_BUCKET; the cipher and the key ring read what they need themselves."""

    table_name: str
    recordings_bucket: str | None = None


class Task(BaseModel):
    """The state machine's input: ids only. `failure` says why the analysis is missing."""

    model_config = ConfigDict(extra="forbid")

    step: Literal["look_for_recording", "finish_recording", "transcribe", "analyse", "report"]
    org_id: str
    call_id: str
    call_number: int
    failure: str | None = None


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, str]:
    """Do one step for one call; raising makes the state machine try again. `late_until`: not done, pieces of the
    recording may come until then, and the state machine waits for them."""
    task = Task.model_validate(event)
    ref = CallRef(task.org_id, task.call_id, task.call_number)
    if task.step == "look_for_recording":
        return {"step": task.step, "late_until": _finish_recording(ref)}
    if task.step == "finish_recording":
        _finish_recording(ref, waited=True)
    elif task.step == "transcribe":
        _transcribe(ref)
    elif task.step == "analyse":
        _analyst().analyse(ref)
    else:
        write_report(_calls(), ref, failure=task.failure)
    return {"step": task.step}


def _finish_recording(ref: CallRef, *, waited: bool = False) -> str:
    """Put the call's recording together, if it has one; a call that was never answered has none. Unless it was
    `waited` for: the moment until which pieces may still come, instead."""
    bucket = read_environment(TasksEnvironment).recordings_bucket
    if not bucket or not (call := _calls().rows.get(ref)).started_at:
        return ""
    if not waited and call.recording == "late" and call.ended_at:
        # a node's clock that is ahead must not keep the report away
        late_until = min(call.ended_at, now := utc_now()) + LATE_AFTER
        if late_until > now:
            return to_wire(late_until)
    if _recordings(bucket).finish(ref):
        _calls().content.mark_recorded(ref)
    return ""


def _transcribe(ref: CallRef) -> None:
    """Transcribe the recording of a realtime call, if its assistant asks for that."""
    bucket = read_environment(TasksEnvironment).recordings_bucket
    if bucket and _calls().rows.get(ref).recording == "stored":
        # only such calls pay for the import
        from sovereign.transcription.registry import Transcribers  # noqa: PLC0415
        from sovereign.transcription.retranscription import Retranscription  # noqa: PLC0415

        transcribers = Transcribers(KeyRing.from_environment(), base_urls())
        Retranscription(
            calls=_calls(), transcribers=transcribers, recordings=_recordings(bucket), cipher=default_cipher()
        ).transcribe(ref)


@cache
def _recordings(bucket: str) -> Recordings:
    return Recordings(bucket)


@cache
def _calls() -> CallStore:
    return CallStore(_table(), cipher=default_cipher())


@cache
def _table() -> Table:
    return Table(read_environment(TasksEnvironment).table_name)


@cache
def _analyst() -> CallAnalyst:
    completions = Completions(KeyRing.from_environment(), base_urls())
    templates = AnalysisTemplateStore(_table())
    return CallAnalyst(calls=_calls(), completions=completions, cipher=default_cipher(), templates=templates)
