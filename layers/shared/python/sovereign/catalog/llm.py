"""Language models: the text models of a pipeline. The speech-to-speech ones are in `realtime`."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from sovereign.catalog.base import Kind, ProviderConfig, Strict
from sovereign.catalog.tool_forms import Tools

CompletionTokens = Annotated[int, Field(ge=1, le=32768)]


class Message(Strict):
    """One message of the prompt; the system message holds the instructions."""

    role: Literal["system", "user", "assistant"]
    content: str


class LlmConfig(ProviderConfig):
    """What every language model takes. `temperature` is passed on as it is where the vendor takes all of them."""

    kind: ClassVar[Kind] = "text"

    model: str
    messages: list[Message] = Field(default_factory=list)
    tools: Tools = Field(default_factory=list)
    temperature: float = Field(default=0.7, ge=0, le=2)

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """The key this provider and model need, empty for a keyless one."""
        return ()

    @classmethod
    def set_aside(cls, given: dict[str, Any]) -> list[str]:
        """As the base; an empty tool object, which older examples carry, counts as no tool."""
        aside = super().set_aside(given)
        tools = given.get("tools")
        if isinstance(tools, list) and {} in tools:
            aside += [f"tools[{place}]" for place, tool in enumerate(tools) if tool == {}]
            given["tools"] = [tool for tool in tools if tool != {}]
        return aside


class LocalLlm(LlmConfig):
    """Keyless, English: `intents` answers from what the instructions and tools offer, and so does `smollm2-135m`, with
    a small language model for small talk. `temperature` is for that model only."""

    provider: Literal["local"]
    model: Literal["intents", "smollm2-135m"]


OpenAiModel = Literal[
    "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.2", "gpt-5.1", "gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1",
    "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5.6-luna", "gpt-5.6-terra", "gpt-5.6-sol", "gpt-4o-mini", "gpt-4o",
]  # fmt: skip
_OPENAI_WITHOUT_REASONING = frozenset(
    {"gpt-5.6-luna", "gpt-5.6-terra", "gpt-5.6-sol", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano"}
)
_OPENAI_ALWAYS_REASONING = frozenset({"gpt-5", "gpt-5-mini", "gpt-5-nano"})


class OpenAiLlm(LlmConfig):
    """OpenAI, or any service that speaks its protocol."""

    provider: Literal["openai"]
    model: OpenAiModel
    max_completion_tokens: CompletionTokens | None = None

    @property
    def reasoning_effort(self) -> Literal["none"] | None:
        """`none` for the models that would otherwise think before a caller hears anything; None leaves it unsent."""
        return "none" if self.model in _OPENAI_WITHOUT_REASONING else None

    @property
    def sent_temperature(self) -> float | None:
        """None, which leaves it unsent, for the models that refuse any but their own."""
        return None if self.model in _OPENAI_ALWAYS_REASONING else self.temperature

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """OpenAI's key."""
        return ("openai",)


class XaiLlm(LlmConfig):
    """xAI's text model."""

    provider: Literal["xai"]
    model: Literal["grok-4.3", "grok-4-1-fast-non-reasoning"]

    @property
    def reasoning_effort(self) -> Literal["none"] | None:
        """`none` for the model that would otherwise think first; the other one does not take the setting."""
        return "none" if self.model == "grok-4.3" else None

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """xAI's key."""
        return ("xai",)


MistralModel = Literal[
    "mistral-medium-latest", "mistral-small-latest", "mistral-large-latest",
    "ministral-8b-latest", "ministral-14b-latest", "ministral-3b-latest",
]  # fmt: skip


_MISTRAL_HIGHEST_TEMPERATURE = 1.5


class MistralLlm(LlmConfig):
    """Mistral's text models."""

    provider: Literal["mistral"]
    model: MistralModel

    @property
    def sent_temperature(self) -> float:
        """The nearest that Mistral does not refuse."""
        return min(self.temperature, _MISTRAL_HIGHEST_TEMPERATURE)

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """Mistral's key."""
        return ("mistral",)


GoogleModel = Literal["gemini-3.5-flash-lite", "gemini-3.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-flash"]


class GoogleLlm(LlmConfig):
    """Gemini on Vertex AI, in the EU."""

    provider: Literal["google"]
    model: GoogleModel
    max_completion_tokens: CompletionTokens | None = None

    @property
    def vertex_location(self) -> str:
        """Vertex AI location of the model."""
        return "europe-west4" if self.model.startswith("gemini-2.5") else "eu"

    @property
    def secret_slots(self) -> tuple[str, ...]:
        """Vertex AI's service account."""
        return ("google_vertex",)
