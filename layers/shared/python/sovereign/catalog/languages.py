"""The languages a recogniser may be set to, and their BCP 47 tags for vendors that ask for a region."""

from typing import Literal, get_args

Language = Literal[
    "multi", "nl", "en", "de", "fr", "es", "it", "pt", "pl", "ru", "ja", "ko", "zh", "ar", "hi",
    "da", "sv", "no", "fi", "cs", "hu", "ro", "bg", "hr", "sk", "tr", "id", "vi",
]  # fmt: skip
LANGUAGES: tuple[str, ...] = get_args(Language)

_BCP47 = {
    "multi": ("nl-NL", "en-US"), "nl": ("nl-NL",), "en": ("en-US",), "de": ("de-DE",), "fr": ("fr-FR",),
    "es": ("es-ES",), "it": ("it-IT",), "pt": ("pt-PT",), "pl": ("pl-PL",), "ru": ("ru-RU",), "ja": ("ja-JP",),
    "ko": ("ko-KR",), "zh": ("cmn-Hans-CN",), "ar": ("ar-XA",), "hi": ("hi-IN",), "da": ("da-DK",),
    "sv": ("sv-SE",), "no": ("nb-NO",), "fi": ("fi-FI",), "cs": ("cs-CZ",), "hu": ("hu-HU",), "ro": ("ro-RO",),
    "bg": ("bg-BG",), "hr": ("hr-HR",), "sk": ("sk-SK",), "tr": ("tr-TR",), "id": ("id-ID",), "vi": ("vi-VN",),
}  # fmt: skip


def bcp47(language: str) -> tuple[str, ...]:
    """BCP 47 tags of a catalogue language, most likely first. Raises KeyError for one that is not in it."""
    return _BCP47[language]
