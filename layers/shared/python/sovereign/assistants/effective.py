"""The assistant a call runs with: frozen when the call starts, whatever is saved afterwards. Pure.

    saved(assistant, document)            the number's or the request's assistant
    with_override(base, override)         hybrid: each top-level member replaces the saved block
    transient(members, base=...)          a whole assistant inside the request or answer
    with_answer(base, answer, named=...)  what the `assistant-request` webhook answered

Everything raised is InvalidRequestError with one `details` entry per problem, each naming the member's path.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sovereign.assistants.json_values import to_json
from sovereign.assistants.model import MAX_BYTES, Assistant, is_realtime_document, references_of, to_document
from sovereign.assistants.rotation import ReplacedSecret
from sovereign.assistants.sealed import Document, with_masks_resolved
from sovereign.assistants.settings import AssistantMembers, CallMembers, with_addresses_alone
from sovereign.assistants.view import EffectiveAssistant
from sovereign.catalog.json_schema import MAX_DEPTH, depth_exceeds
from sovereign.catalog.problems import require_object, validate, validate_stored
from sovereign.kernel.errors import BodyTooLargeError, InvalidRequestError
from sovereign.kernel.references import Reference

WEBHOOK_MEMBERS = ("webhook_url", "webhook_secret", "webhook_events")
_ANSWER_MEMBERS = frozenset({"error", "assistant", "assistant_id", "assistant_override", "max_duration_seconds"})
_ANSWER_SPELLINGS = {"agent": "assistant", "agent_config": "assistant", "agent_id": "assistant_id"}


@dataclass(frozen=True)
class Rejection:
    """The webhook refused the call; `message` is spoken to the caller before the call is ended."""

    message: str


def saved(
    assistant: Assistant, document: Document, replaced_webhook_secret: ReplacedSecret | None = None
) -> EffectiveAssistant:
    """A saved assistant; `document` is its own with the secrets in the clear (`AssistantStore.effective` does both)."""
    members = with_addresses_alone({name: value for name, value in document.items() if name != "name"})
    return EffectiveAssistant(
        assistant_id=assistant.id,
        assistant_name=assistant.name,
        settings=validate_stored(AssistantMembers, members, "assistant"),
        replaced_webhook_secret=replaced_webhook_secret,
    )


def with_override(
    base: EffectiveAssistant,
    override: Mapping[str, Any],
    *,
    keep_unknown: bool = False,
    at: str = "assistant_override",
) -> EffectiveAssistant:
    """`base` with each member of the override in place of its own; unknown ones are refused, or kept for echo."""
    changes, echoed = _members(override, at, keep_unknown=keep_unknown)
    document = base.document() | {name: to_document(changes)[name] for name in changes.model_fields_set}
    return _made(base, document, base.echoed | echoed, at)


def transient(
    members: Mapping[str, Any],
    *,
    base: EffectiveAssistant | None = None,
    keep_unknown: bool = False,
    at: str = "assistant",
) -> EffectiveAssistant:
    """An assistant that exists only for one call.

    Members it cannot name (consent, gdpr_mode, recording, disclosure, ...) stay those of `base`, the assistant in
    whose place it speaks, so that no webhook can lift them; so does the webhook unless the transient one names another.
    """
    given, echoed = _members(members, at, keep_unknown=keep_unknown)
    _require_configs(given, at)
    document = base.document() if base else to_document(AssistantMembers())
    sent = given.model_fields_set
    stays = set() if "webhook_url" in sent else set(WEBHOOK_MEMBERS) - sent
    document |= {name: value for name, value in to_document(given).items() if name not in stays}
    whose = base or EffectiveAssistant(settings=AssistantMembers())
    nameless = whose.model_copy(update={"assistant_id": None, "assistant_name": None})
    return _made(nameless, document, echoed, at)


def named_in(members: Mapping[str, Any], at: str) -> list[Reference]:
    """The other resources a transient assistant or an override names."""
    given, _ = _members(members, at, keep_unknown=False)
    return references_of(to_document(given, given.model_fields_set))


def requested_assistant_id(answer: Mapping[str, Any]) -> str | None:
    """The saved assistant an answer asks for, to be looked up in the call's organization; None when it names none."""
    answer = _spelled(answer)
    if answer.get("error") or answer.get("assistant") is not None:
        return None
    asked = answer.get("assistant_id")
    if asked is None:
        return None
    if not isinstance(asked, str):
        raise InvalidRequestError(details=["assistant_id: must be a string"])
    return asked


def with_answer(
    base: EffectiveAssistant | None, answer: Mapping[str, Any], *, named: EffectiveAssistant | None = None
) -> EffectiveAssistant | Rejection | None:
    """Apply an `assistant-request` answer; error > assistant > assistant_id > {} where it says several things.

    `named` is the assistant `requested_assistant_id` asked for (None: there is none such). None is returned when there
    is neither a base nor anything in the answer that defines a call.
    """
    if depth_exceeds(answer, MAX_DEPTH):
        raise InvalidRequestError(details=[f"answer: is nested more than {MAX_DEPTH} levels deep"])
    answer = _spelled(answer)
    if error := answer.get("error"):
        if not isinstance(error, str):
            raise InvalidRequestError(details=["error: must be a string"])
        return Rejection(error)
    chosen = _chosen(base, answer, named)
    if chosen is None:
        return None
    return _with_extras(chosen, answer)


def _chosen(
    base: EffectiveAssistant | None, answer: Mapping[str, Any], named: EffectiveAssistant | None
) -> EffectiveAssistant | None:
    if (members := answer.get("assistant")) is not None:
        return transient(require_object(members, "assistant"), base=base, keep_unknown=True)
    asked = requested_assistant_id(answer)
    if asked is not None and named is None:
        raise InvalidRequestError(details=["assistant_id: no such assistant"])
    override = answer.get("assistant_override")
    chosen = named if asked is not None else base
    if override is None or chosen is None:
        return chosen
    return with_override(chosen, require_object(override, "assistant_override"), keep_unknown=True)


def _with_extras(chosen: EffectiveAssistant, answer: Mapping[str, Any]) -> EffectiveAssistant:
    extras: dict[str, Any] = {name: value for name, value in answer.items() if name not in _ANSWER_MEMBERS}
    limit = answer.get("max_duration_seconds")
    known = {} if limit is None else {"max_duration_seconds": limit}
    if not extras and not known:
        return chosen
    limited = with_override(chosen, known, at="")
    return _made(limited, limited.document(), limited.echoed | extras, "")


def _members(given: Mapping[str, Any], at: str, *, keep_unknown: bool) -> tuple[CallMembers, dict[str, Any]]:
    known = {name: value for name, value in given.items() if name in CallMembers.model_fields}
    unknown = {name: value for name, value in given.items() if name not in CallMembers.model_fields}
    if unknown and not keep_unknown:
        return validate(CallMembers, given, at), {}
    return validate(CallMembers, known, at), unknown


def _require_configs(given: CallMembers, at: str) -> None:
    if given.llm_config is None:
        raise InvalidRequestError(details=[f"{at}.llm_config: required"])
    missing = [name for name in ("stt_config", "tts_config") if getattr(given, name) is None]
    if given.llm_config.kind == "text" and missing:
        raise InvalidRequestError(details=[f"{at}.{name}: required with a text model" for name in missing])


def _made(base: EffectiveAssistant, document: Document, echoed: Mapping[str, Any], at: str) -> EffectiveAssistant:
    """`base`'s identity with another document, after the rules that span members."""
    if document["llm_config"] is None:
        raise InvalidRequestError(details=[f"{at}.llm_config: must be an object".lstrip(".")])
    if is_realtime_document(document):
        document |= {"stt_config": None, "tts_config": None}
    elif missing := [name for name in ("stt_config", "tts_config") if document[name] is None]:
        raise InvalidRequestError(details=[f"{at}.{name}: required with a text model".lstrip(".") for name in missing])
    document = with_masks_resolved(document, base.document(), at)
    try:
        size = len(to_json([document, echoed]).encode())
    except ValueError as problem:
        raise InvalidRequestError(details=[f"{at or 'answer'}: {problem}"]) from None
    if size > MAX_BYTES:
        raise BodyTooLargeError(f"An assistant may be at most {MAX_BYTES} bytes as JSON.")
    settings = validate(AssistantMembers, document, at)
    same_secret = settings.webhook_secret == base.settings.webhook_secret
    replaced = base.replaced_webhook_secret if same_secret else None
    changes = {"settings": settings, "echoed": dict(echoed), "replaced_webhook_secret": replaced}
    return base.model_copy(update=changes)


def _spelled(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer in present spellings; where both spellings are there the present one counts."""
    present = {_ANSWER_SPELLINGS[n]: v for n, v in answer.items() if n in _ANSWER_SPELLINGS}
    return present | {n: v for n, v in answer.items() if n not in _ANSWER_SPELLINGS}
