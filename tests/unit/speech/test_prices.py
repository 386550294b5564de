"""What providers cost: the price list, and the wrappers that put it on an adapter's figures."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from media.speech.failures import dropped, refused
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ProviderError,
    ProviderUsage,
    TextDelta,
    ToolSpec,
)
from media.speech.llm.openai import OpenAIChat
from media.speech.priced import PricedModel, PricedRecogniser, PricedSynthesiser, priced
from media.speech.registry import Providers
from sovereign.catalog import prices
from sovereign.catalog import registry as catalogue
from sovereign.catalog.llm import OpenAiLlm
from sovereign.catalog.prices import Price, price_of
from sovereign.provider_keys import ProviderKey

TOKENS = Price(source="s", as_of="2026-01", input=2.0, cached_input=0.5, output=8.0)


@pytest.mark.parametrize("section", ["llm", "stt", "tts", "postcall_stt"])
def test_every_model_of_the_catalogue_has_a_row_even_if_it_is_an_unknown_price(section: prices.PricedSection) -> None:
    listed = {key for key in prices._ROWS[section] if "/" not in key[1]}
    offered = {
        (entry.name, model)
        for entry in catalogue.providers(section)
        if entry.name != "local"
        for model in entry.models or ("",)
    }
    assert listed == offered


def test_every_row_says_where_and_when_it_was_read() -> None:
    for rows in prices._ROWS.values():
        for price in filter(None, rows.values()):
            assert price.source.startswith("https://")
            assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", price.as_of)
            assert price.cost(ProviderUsage()) == 0.0


@pytest.mark.parametrize(
    ("price", "usage", "cost"),
    [
        (TOKENS, ProviderUsage(input_tokens=1_000_000, output_tokens=500_000), 6.0),
        (TOKENS, ProviderUsage(input_tokens=1_000_000, cached_input_tokens=800_000), 0.8),
        (Price(source="s", as_of="d", per_minute=0.6), ProviderUsage(audio_seconds=90), 0.9),
        (Price(source="s", as_of="d", characters=50.0), ProviderUsage(characters=2000), 0.1),
        (
            Price(source="s", as_of="d", input=1.0, output_audio=20.0),
            ProviderUsage(input_tokens=1000, output_tokens=500, output_audio_tokens=500),
            0.011,
        ),
    ],
)
def test_cost_is_quantity_times_rate(price: Price, usage: ProviderUsage, cost: float) -> None:
    assert price.cost(usage) == pytest.approx(cost)


def test_cached_tokens_without_a_rate_cost_as_much_as_any_other() -> None:
    price = Price(source="s", as_of="d", input=2.0, output=8.0)
    assert price.cost(ProviderUsage(input_tokens=1_000_000, cached_input_tokens=600_000)) == pytest.approx(2.0)


def test_what_has_no_rate_makes_the_cost_unknown_and_not_zero() -> None:
    assert TOKENS.cost(ProviderUsage(input_tokens=10, input_audio_tokens=4)) is None


def test_a_language_with_a_price_of_its_own_has_that_one() -> None:
    several, one = price_of("stt", "deepgram", "nova-3", "multi"), price_of("stt", "deepgram", "nova-3", "nl")
    assert several is not None
    assert one is not None
    assert several.per_minute != one.per_minute
    assert price_of("stt", "deepgram", "nova-3") == one
    assert price_of("llm", "openai", "gpt-99") is None


class Model:
    """Answers once with the given figures."""

    def __init__(self, usage: ProviderUsage) -> None:
        self.usage = usage
        self.let_go = self.closed = False

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        try:
            yield TextDelta("Hello")
            yield ChatFinished(self.usage)
        finally:
            self.let_go = True

    async def close(self) -> None:
        self.closed = True


async def test_an_answer_carries_its_cost() -> None:
    model = Model(ProviderUsage(input_tokens=1000, output_tokens=100))
    events = [event async for event in PricedModel(model, TOKENS).stream([], [])]
    assert events == [TextDelta("Hello"), ChatFinished(ProviderUsage(0.0, 0, 1000, 100, cost_usd=0.0028))]


async def test_an_answer_without_figures_cost_an_unknown_sum() -> None:
    events = [event async for event in PricedModel(Model(ProviderUsage()), TOKENS).stream([], [])]
    assert events[-1] == ChatFinished(ProviderUsage())


async def test_giving_up_the_priced_answer_gives_up_the_adapters() -> None:
    model = Model(ProviderUsage())
    stream: Any = PricedModel(model, TOKENS).stream([], [])
    await anext(stream)
    await stream.aclose()
    assert model.let_go


class Voice:
    """One second of silence a sentence."""

    sample_rate = 8000

    def __init__(self) -> None:
        self.usage = ProviderUsage()

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        self.usage = ProviderUsage(characters=self.usage.characters + len(text))
        yield bytes(10_000)
        yield bytes(6000)

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(("rates", "cost"), [({"characters": 50.0}, 0.0005), ({"per_minute": 0.6}, 0.01)])
async def test_speech_costs_by_the_character_or_by_the_minute(rates: dict[str, float], cost: float) -> None:
    voice = PricedSynthesiser(Voice(), Price(source="s", as_of="d", **rates))
    assert sum([len(pcm) async for pcm in voice.stream("0123456789")]) == 16_000
    assert (voice.usage.characters, voice.usage.audio_seconds) == (10, 1.0)
    assert voice.usage.cost_usd == pytest.approx(cost)


class Takes(Voice):
    """Fails as told after its first audio, or before it."""

    def __init__(self, failure: ProviderError, *, speaks: bool) -> None:
        super().__init__()
        self._failure, self._speaks = failure, speaks

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        if self._speaks:
            yield bytes(1000)
        raise self._failure


@pytest.mark.parametrize(
    ("failure", "speaks", "characters"),
    [
        (refused("x", 429), False, 0),
        (refused("x", 500), False, 0),
        (refused("x", 500), True, 10),
        (dropped("x"), False, 10),
    ],
)
@pytest.mark.parametrize("price", [None, Price(source="s", as_of="d", characters=50.0)])
async def test_characters_are_those_of_the_sentences_the_vendor_took(
    failure: ProviderError, price: Price | None, *, speaks: bool, characters: int
) -> None:
    voice = PricedSynthesiser(Takes(failure, speaks=speaks), price)
    with pytest.raises(ProviderError):
        _ = [pcm async for pcm in voice.stream("0123456789")]
    assert voice.usage.characters == characters
    assert voice.usage.cost_usd == (pytest.approx(characters * 50e-6) if price else None)


@pytest.mark.parametrize(("rates", "known"), [({"characters": 50.0}, True), ({"per_minute": 0.6}, False)])
async def test_a_sentence_that_is_given_up_has_a_cost_only_by_its_characters(
    rates: dict[str, float], *, known: bool
) -> None:
    voice = PricedSynthesiser(Voice(), Price(source="s", as_of="d", **rates))
    assert voice.usage.cost_usd == 0.0
    stream: Any = voice.stream("0123456789")
    await anext(stream)
    await stream.aclose()
    assert (voice.usage.cost_usd is not None) is known
    assert voice.usage.characters == 10


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (ProviderUsage(audio_seconds=3.0), None),
        (ProviderUsage(characters=10, input_tokens=5), None),
        (ProviderUsage(), 0.0),
        (ProviderUsage(audio_seconds=3.0, input_tokens=1_000_000, output_tokens=1), 2.000008),
    ],
)
def test_tokens_that_were_not_told_make_the_cost_unknown(usage: ProviderUsage, cost: float | None) -> None:
    found = priced(usage, TOKENS).cost_usd
    assert found == (None if cost is None else pytest.approx(cost))


class Recogniser:
    async def open(self, sample_rate: int) -> Any:
        return type("Session", (), {"usage": ProviderUsage(audio_seconds=30.0)})()


async def test_hearing_costs_by_the_minute() -> None:
    session = await PricedRecogniser(Recogniser(), Price(source="s", as_of="d", per_minute=0.01)).open(8000)
    assert session.usage == ProviderUsage(audio_seconds=30.0, cost_usd=0.005)


class Keys:
    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        return ProviderKey("key", byok=False)


@pytest.mark.parametrize(
    ("model", "addresses"), [("gpt-5.6-luna", {}), ("gpt-4o", {"openai": "http://127.0.0.1:1/v1"})]
)
async def test_an_unknown_price_is_a_metric_and_no_cost(
    model: str, addresses: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = OpenAiLlm.model_validate({"provider": "openai", "model": model})
    assert isinstance(await Providers(Keys(), tmp_path, addresses).chat_model(config, "org"), OpenAIChat)
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "UnknownProviderPrice" in text]
    assert line["UnknownProviderPrice"] == [1.0]
    assert (line["section"], line["provider"], line["model"]) == ("llm", "openai", model)
