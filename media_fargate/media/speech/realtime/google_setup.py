"""What a connection to Gemini Live starts from: where it goes, its setup, and what was said before."""

from collections.abc import Sequence

from google.genai import types

from media.speech.adapters import AdapterContext
from media.speech.google_api import GenaiConnection
from media.speech.interfaces import ChatMessage, ToolSpec
from media.speech.speech_to_speech import SpeechOpening
from sovereign.catalog.realtime import GoogleRealtime

_VERTEX_LOCATION = "europe-west4"
"""Where the other Gemini 2.5 models of the catalogue run."""
INFORM = "(Nobody said this; it is for you to know and to act on: {text})"


def connection_of(config: GoogleRealtime, context: AdapterContext) -> GenaiConnection:
    """The Gemini API, or Vertex AI where the model is there only."""
    if "google_vertex" in config.secret_slots:
        return GenaiConnection.to_vertex(context.api_key, config.location or _VERTEX_LOCATION, context.base_url)
    return GenaiConnection.to_gemini(context.api_key, context.base_url)


def setup_of(config: GoogleRealtime, opening: SpeechOpening) -> types.LiveConnectConfig:
    """How a conversation is configured; none of it can be changed while the connection lasts."""
    voice = types.PrebuiltVoiceConfig(voice_name=config.voice)
    return types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        temperature=config.temperature,
        max_output_tokens=config.max_output_tokens,
        speech_config=types.SpeechConfig(voice_config=types.VoiceConfig(prebuilt_voice_config=voice)),
        system_instruction=opening.instructions or None,
        tools=[types.Tool(function_declarations=[_function(tool) for tool in opening.tools])]
        if opening.tools
        else None,
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        # a call may last longer than the model remembers
        context_window_compression=types.ContextWindowCompressionConfig(sliding_window=types.SlidingWindow()),
        history_config=types.HistoryConfig(initial_history_in_client_content=True) if opening.history else None,
    )


def _function(tool: ToolSpec) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=tool.name, description=tool.description, parameters_json_schema=dict(tool.parameters)
    )


def content_of(role: str, text: str) -> types.Content:
    """A text of one side."""
    return types.Content(role=role, parts=[types.Part(text=text)])


def contents_of(history: Sequence[ChatMessage]) -> list[types.Content | types.ContentDict]:
    """What was said before."""
    return [_said(message) for message in history]


def _said(message: ChatMessage) -> types.Content:
    if message.role == "system":
        return content_of("user", INFORM.format(text=message.content))
    return content_of("model" if message.role == "assistant" else "user", message.content)
