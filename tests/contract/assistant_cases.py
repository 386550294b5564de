"""Members of an assistant at, below and above what the contract allows."""

from typing import Any

from tests.contract.resources import UNKNOWN_ID

LLM = {"provider": "openai", "model": "gpt-5", "messages": [{"role": "system", "content": "Be kind."}]}
TOOL = {"name": "book", "description": "Book.", "url": "https://tools.example/book"}
SCHEMA = {"type": "object", "properties": {"day": {"type": "string"}}}
PLAN = {"structured_data_plan": {"enabled": True, "schema": SCHEMA}}


def llm(**members: Any) -> dict[str, Any]:
    return {"llm_config": LLM | members}


def tools(*given: Any) -> dict[str, Any]:
    return llm(tools=[*given])


def speech(**members: Any) -> dict[str, Any]:
    return {"speech_config": members}


def turns(**members: Any) -> dict[str, Any]:
    return speech(turn_taking=members)


def deepgram(**members: Any) -> dict[str, Any]:
    return {"stt_config": {"provider": "deepgram", "model": "nova-3", "language": "en", **members}}


def elevenlabs(**members: Any) -> dict[str, Any]:
    return {"tts_config": {"provider": "elevenlabs", "voice_id": "abc", **members}}


def plan(**members: Any) -> dict[str, Any]:
    return {"analysis_plan": {"structured_data_plan": members}}


ACCEPTED: list[dict[str, Any]] = [
    {"name": "x"},
    {"name": "x" * 200},
    {"first_message": ""},
    {"first_message": "x" * 1000},
    {"notification_email": "desk@example.com"},
    {"notification_emails": []},
    {"notification_emails": [f"desk{n}@example.com" for n in range(5)]},
    {"is_active": False},
    {"max_duration_seconds": 10},
    {"max_duration_seconds": 14400},
    {"autonomous_silence_handling": True},
    {"silence_timeout_seconds": 1},
    {"silence_timeout_seconds": 120},
    {"voicemail_detection": True},
    {"voicemail_message": "Please call back."},
    {"gdpr_mode": True},
    {"recording_enabled": True},
    {"recording_consent": {"enabled": True, "message": "Press 1."}},
    {"recording_notice": "Recorded."},
    {"ai_disclosure": "A machine speaks."},
    {"webhook_url": "https://hooks.example/in"},
    {"webhook_events": []},
    {"webhook_events": ["assistant-request", "tool-calls", "status-update", "end-of-call-report"]},
    {"analysis_plan": {"min_messages_threshold": 0}},
    {"analysis_plan": PLAN},
    {"metadata": {}},
    {"metadata": {"x": "y" * (8192 - 8)}},
    {"postcall_stt": {"provider": "deepgram", "model": "nova-3", "language": "nl"}},
    {"postcall_llm": {"provider": "openai", "model": "gpt-5.4-mini"}},
    llm(temperature=0),
    llm(temperature=2),
    llm(max_completion_tokens=1),
    llm(max_completion_tokens=32768),
    llm(model="gpt-4o"),
    {"llm_config": {"provider": "local", "model": "smollm2-135m"}},
    {"llm_config": {"provider": "google", "model": "gemini-2.5-flash"}},
    {"llm_config": {"provider": "mistral", "model": "ministral-8b-latest"}},
    {"llm_config": {"provider": "xai", "model": "grok-4.3"}},
    tools({"type": "end_call"}),
    tools(
        {"type": "transfer_call", "destinations": [{"type": "number", "number": "+31201234567", "description": "d"}]}
    ),
    tools(TOOL),
    tools(TOOL | {"name": "a" * 64}),
    tools(TOOL | {"name": "_a-1"}),
    tools(TOOL | {"async": True}),
    turns(endpointing_min_delay=0.1, endpointing_max_delay=0.1),
    turns(endpointing_min_delay=5, endpointing_max_delay=5),
    turns(interruption_min_duration=0.05),
    turns(interruption_min_duration=2),
    turns(interruption_min_words=10),
    turns(false_interruption_timeout=None),
    turns(false_interruption_timeout=0.2),
    speech(pronunciation=[{"from": "x" * 64, "to": "y" * 128}] * 50),
    speech(background_audio={"enabled": True, "clip": "city", "volume": 0.05}),
    speech(silence={"messages": ["x" * 300] * 5, "first_check_seconds": 60, "interval_seconds": 3, "max_attempts": 10}),
    speech(end_call_message="x" * 300, first_message_outbound="", end_call_phrases=["ok"] * 5),
    deepgram(endpointing=0, utterance_end_ms=1000, keyterms=["Acme"]),
    deepgram(endpointing=5000, utterance_end_ms=5000, language="multi"),
    {"stt_config": {"provider": "gladia", "model": "solaria-1", "language": "nl", "endpointing": 0.01}},
    elevenlabs(stability=0, similarity_boost=1, style=0, speed=0.5),
    elevenlabs(speed=2),
    elevenlabs(stability=1, model="eleven_v3"),
    {"tts_config": {"provider": "11labs", "voice_id": "abc"}},
    {"tts_config": {"provider": "openai", "voice_id": "cedar", "speed": 4}},
    {"tts_config": {"provider": "google", "voice_id": "Kore", "speaking_rate": 0.25}},
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"first_message": "x" * 1001}, "first_message"),
    ({"first_message": 5}, "first_message"),
    ({"notification_email": "nobody"}, "notification_email"),
    ({"notification_email": ""}, "notification_email"),
    ({"notification_emails": ["a@example.com", "b@"]}, "notification_emails[1]"),
    ({"notification_emails": [f"d{n}@example.com" for n in range(6)]}, "notification_emails"),
    ({"is_active": "yes"}, "is_active"),
    ({"is_active": 1}, "is_active"),
    ({"is_active": None}, "is_active"),
    ({"max_duration_seconds": 9}, "max_duration_seconds"),
    ({"max_duration_seconds": 14401}, "max_duration_seconds"),
    ({"max_duration_seconds": 60.5}, "max_duration_seconds"),
    ({"max_duration_seconds": "60"}, "max_duration_seconds"),
    ({"max_duration_seconds": True}, "max_duration_seconds"),
    ({"silence_timeout_seconds": 0}, "silence_timeout_seconds"),
    ({"silence_timeout_seconds": 121}, "silence_timeout_seconds"),
    ({"silence_timeout_seconds": None}, "silence_timeout_seconds"),
    ({"gdpr_mode": None}, "gdpr_mode"),
    ({"recording_consent": {"enabled": True}}, "recording_consent.message"),
    ({"recording_consent": {"enabled": True, "message": "m", "x": 1}}, "recording_consent.x"),
    ({"webhook_url": "ftp://hooks.example"}, "webhook_url"),
    ({"webhook_url": "not a url"}, "webhook_url"),
    ({"webhook_url": "http://10.0.0.1/x"}, "webhook_url"),
    ({"webhook_url": "http://169.254.169.254/latest"}, "webhook_url"),
    ({"webhook_url": "http://user:word@hooks.example/"}, "webhook_url"),
    ({"webhook_url": "http://[::ffff:10.0.0.1]/"}, "webhook_url"),
    ({"webhook_url": "http://0x0a000001/"}, "webhook_url"),
    ({"webhook_events": ["call-started"]}, "webhook_events[0]"),
    ({"webhook_events": "tool-calls"}, "webhook_events"),
    ({"metadata": {"x": "y" * 8192}}, "metadata"),
    ({"metadata": []}, "metadata"),
    ({"analysis_plan": {"min_messages_threshold": -1}}, "analysis_plan.min_messages_threshold"),
    (plan(schema={"type": "strin"}), "analysis_plan.structured_data_plan.schema"),
    (plan(schema=SCHEMA, messages=[{"role": "assistant", "content": ""}]),
     "analysis_plan.structured_data_plan.messages[0].role"),
    ({"llm_config": {"model": "gpt-5"}}, "llm_config.provider"),
    ({"llm_config": {"provider": "openai"}}, "llm_config.model"),
    ({"llm_config": {"provider": "acme", "model": "x"}}, "llm_config.provider"),
    ({"llm_config": "openai"}, "llm_config"),
    (llm(model="gpt-1"), "llm_config.model"),
    (llm(temperature=2.01), "llm_config.temperature"),
    (llm(temperature=-0.01), "llm_config.temperature"),
    (llm(max_completion_tokens=0), "llm_config.max_completion_tokens"),
    (llm(max_completion_tokens=32769), "llm_config.max_completion_tokens"),
    (llm(messages=[{"role": "tool", "content": "x"}]), "llm_config.messages[0].role"),
    (llm(colour="red"), "llm_config.colour"),
    (tools({"type": "fax"}), "llm_config.tools[0]"),
    (tools(TOOL | {"name": "1book"}), "llm_config.tools[0].name"),
    (tools(TOOL | {"name": "a" * 65}), "llm_config.tools[0].name"),
    (tools(TOOL, TOOL), "llm_config.tools"),
    (tools(TOOL | {"url": "http://127.1.1.1.example:99999/"}), "llm_config.tools[0].url"),
    (tools(TOOL | {"parameters": {"type": "nothing"}}), "llm_config.tools[0].parameters"),
    (tools({"type": "transfer_call", "destinations": []}), "llm_config.tools[0].destinations"),
    (tools({"type": "mcp", "mcp_server_id": UNKNOWN_ID, "allowed_tools": []}), "llm_config.tools[0].allowed_tools"),
    (tools({"type": "mcp", "mcp_server_id": UNKNOWN_ID, "allowed_tools": ["a"] * 26}),
     "llm_config.tools[0].allowed_tools"),
    (turns(endpointing_min_delay=0.09), "speech_config.turn_taking.endpointing_min_delay"),
    (turns(endpointing_max_delay=5.1), "speech_config.turn_taking.endpointing_max_delay"),
    (turns(endpointing_min_delay=3, endpointing_max_delay=2), "speech_config.turn_taking"),
    (turns(interruption_min_duration=0.04), "speech_config.turn_taking.interruption_min_duration"),
    (turns(interruption_min_words=11), "speech_config.turn_taking.interruption_min_words"),
    (turns(interruption_min_words=-1), "speech_config.turn_taking.interruption_min_words"),
    (turns(false_interruption_timeout=5.1), "speech_config.turn_taking.false_interruption_timeout"),
    (speech(pronunciation=[{"from": "", "to": ""}]), "speech_config.pronunciation[0].from"),
    (speech(pronunciation=[{"from": "x", "to": "y" * 129}]), "speech_config.pronunciation[0].to"),
    (speech(pronunciation=[{"from": "x", "to": "y"}] * 51), "speech_config.pronunciation"),
    (speech(background_audio={"clip": "beach"}), "speech_config.background_audio.clip"),
    (speech(background_audio={"volume": 1.01}), "speech_config.background_audio.volume"),
    (speech(silence={"messages": ["x"] * 6}), "speech_config.silence.messages"),
    (speech(silence={"messages": ["x" * 301]}), "speech_config.silence.messages[0]"),
    (speech(silence={"first_check_seconds": 61}), "speech_config.silence.first_check_seconds"),
    (speech(silence={"interval_seconds": 2}), "speech_config.silence.interval_seconds"),
    (speech(silence={"max_attempts": 11}), "speech_config.silence.max_attempts"),
    (speech(end_call_message="x" * 301), "speech_config.end_call_message"),
    (speech(end_call_phrases=["bye"] * 6), "speech_config.end_call_phrases"),
    (speech(end_call_phrases=["x!"]), "speech_config.end_call_phrases[0]"),
    (deepgram(endpointing=5001), "stt_config.endpointing"),
    (deepgram(utterance_end_ms=999), "stt_config.utterance_end_ms"),
    (deepgram(language="xx"), "stt_config.language"),
    (deepgram(model="nova-1"), "stt_config.model"),
    ({"stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "nl"}}, "stt_config.language"),
    (elevenlabs(stability=1.01), "tts_config.stability"),
    (elevenlabs(speed=0.49), "tts_config.speed"),
    (elevenlabs(model="eleven_v1"), "tts_config.model"),
    ({"tts_config": {"provider": "openai", "voice_id": "nobody"}}, "tts_config.voice_id"),
    ({"tts_config": {"provider": "elevenlabs"}}, "tts_config.voice_id"),
    ({"tts_config": {"provider": "voicedock", "voice_id": "x"}}, "tts_config.provider"),
    ({"postcall_llm": {"provider": "openai", "model": "gpt-1"}}, "postcall_llm.model"),
]  # fmt: skip

NULLABLE = (
    "business_name", "notification_email", "notification_emails", "first_message", "max_duration_seconds",
    "voicemail_detection", "voicemail_message", "recording_consent", "webhook_url", "webhook_secret",
    "webhook_events", "analysis_plan", "speech_config", "metadata", "postcall_stt", "postcall_llm",
    "recording_notice", "ai_disclosure",
)  # fmt: skip
FULL: dict[str, Any] = {
    "business_name": "Riverside", "notification_email": "a@example.com", "notification_emails": ["b@example.com"],
    "first_message": "Hi", "max_duration_seconds": 60, "voicemail_detection": True, "voicemail_message": "Later",
    "recording_consent": {"enabled": True, "message": "Press 1"}, "webhook_url": "https://hooks.example/",
    "webhook_secret": "whsec_0123456789abcdef", "webhook_events": ["tool-calls"], "analysis_plan": PLAN,
    "speech_config": {"end_call_message": "Bye"}, "metadata": {"crm": 1}, "postcall_stt": {"provider": "deepgram"},
    "postcall_llm": {"provider": "openai"}, "recording_notice": "Recorded", "ai_disclosure": "A machine",
}  # fmt: skip
