import pytest

from infra.stage import Stage
from sovereign.catalog.fallbacks import Fallbacks, parse_fallbacks


def test_fallbacks_are_configurations_in_order() -> None:
    found = parse_fallbacks(
        '{"tts": [{"provider": "11labs", "voice_id": "v"}, {"provider": "local", "voice_id": "heart"}],'
        ' "llm": [{"provider": "google", "model": "gemini-2.5-flash", "temperature": 0.2}]}'
    )
    assert [config.provider for config in found.tts] == ["elevenlabs", "local"]
    assert [config.temperature for config in found.llm] == [0.2]
    assert found.stt == ()
    assert parse_fallbacks("{}") == Fallbacks()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[", "must be a JSON object"),
        ("[]", "must be|Input should be"),
        ('{"voices": []}', "voices"),
        ('{"llm": [{"provider": "skynet", "model": "t"}]}', r"llm\[0\]\.provider: must be one of"),
        ('{"llm": [{"provider": "openai", "model": "gpt-0"}]}', r"llm\[0\]\.model"),
        ('{"tts": [{"provider": "xai", "voice_id": "nobody"}]}', r"tts\[0\]\.voice_id"),
        ('{"llm": [{"provider": "openai_live", "model": "gpt-live-1"}]}', r"llm\[0\]\.provider: openai_live cannot be"),
        ('{"tts": [' + ", ".join(['{"provider": "local", "voice_id": "heart"}'] * 4) + "]}", "tts: .*at most 3"),
    ],
)
def test_wrong_fallbacks_are_refused_naming_the_member(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_fallbacks(text)


def test_a_stage_with_wrong_fallbacks_is_not_synthesised() -> None:
    with pytest.raises(ValueError, match=r"llm\[0\].model"):
        Stage(name="dev", provider_fallbacks='{"llm": [{"provider": "openai", "model": "gpt-0"}]}')


def test_a_stage_that_encrypts_calls_in_by_an_unknown_word_is_not_synthesised() -> None:
    with pytest.raises(ValueError, match="srtpIn"):
        Stage(name="dev", srtp_in="on")
