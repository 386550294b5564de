"""Fill a JSON Schema from a dialogue by matching names, descriptions and values with what was said."""

from collections.abc import Callable, Mapping
from typing import Any

from sovereign.completion.local import patterns
from sovereign.completion.local.dialogue import Dialogue, Sentence, lexicon, stem, stems_of, words_of
from sovereign.completion.local.summary import request_sentences, summarise

_UNDECIDED = ("unknown", "other", "none", "neutral", "n/a", "unclear", "not_applicable", "general", "no")
_REQUEST_NAMES = lexicon("intent reason topic question request subject purpose issue problem need")
_FILLER_WORDS = lexicon(
    "is was has had wants want wanted did does needs needed asked asks requested requests mentioned given made"
)
"""Words of a field's name that say how something was said: what the caller wanted is found among their own words."""
Schema = Mapping[str, Any]


class NoMatchError(Exception):
    """A required value could not be found in what was said; the message names its path in the schema."""


class SlotFiller:
    """One schema over one dialogue."""

    def __init__(self, dialogue: Dialogue, schema: Schema) -> None:
        self._dialogue = dialogue
        self._root = schema
        self._fill_type: Mapping[str, Callable[[str, str, Schema], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "boolean": self._boolean,
            "integer": self._number,
            "number": self._number,
            "null": self._null,
        }

    def fill(self) -> Any:
        """The filled value. Raises NoMatchError for a required member that nothing said matches."""
        return self._value("$", "", self._root)

    def _value(self, path: str, name: str, schema: Schema) -> Any:
        schema = self._resolved(path, schema)
        if "const" in schema:
            return schema["const"]
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        nullable = "null" in kinds or None in schema.get("enum", ())
        try:
            if "enum" in schema:
                return self._choice(path, name, [v for v in schema["enum"] if v is not None])
            return self._fill_type[next(k for k in kinds if k != "null" or len(kinds) == 1)](path, name, schema)
        except NoMatchError:
            if nullable:
                return None
            raise
        except (KeyError, StopIteration):
            raise _missing(path) from None

    def _resolved(self, path: str, schema: Any) -> Schema:
        """Follow a reference within the schema, and take the first of several alternatives."""
        for _ in range(8):
            if not isinstance(schema, Mapping):
                raise _missing(path)
            if str(schema.get("$ref", "")).startswith("#/"):
                target: Any = self._root
                for step in schema["$ref"][2:].split("/"):
                    target = target.get(step) if isinstance(target, Mapping) else None
                schema = target
            elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
                schema = alternatives[0]
            else:
                return schema
        raise _missing(path)

    def _object(self, path: str, _name: str, schema: Schema) -> dict[str, Any]:
        filled = {}
        for name, member in schema.get("properties", {}).items():
            try:
                filled[name] = self._value(f"{path}.{name}", name, member)
            except NoMatchError:
                if name in schema.get("required", ()):
                    raise
        return filled

    def _array(self, path: str, name: str, schema: Schema) -> list[Any]:
        items = schema.get("items")
        if isinstance(items, Mapping) and "enum" in items:
            return [v for v in items["enum"] if isinstance(v, str) and self._matches(v) > 0]
        if not _REQUEST_NAMES.isdisjoint(stem(w) for w in words_of(name)) and self._is_text(path, items):
            return [s.text for s in request_sentences(self._dialogue)]
        if schema.get("minItems", 0) > 0:
            raise _missing(path)
        return []

    def _is_text(self, path: str, items: Any) -> bool:
        return items is None or self._resolved(path, items).get("type") == "string"

    def _choice(self, path: str, name: str, values: list[Any]) -> Any:
        if "sentiment" in words_of(name) and (mood := patterns.mood(self._dialogue)) in values:
            return mood
        texts = [v for v in values if isinstance(v, str)]
        best = max(texts, key=self._matches, default=None)
        if best is not None and self._matches(best) > 0:
            return best
        for undecided in _UNDECIDED:
            for text in texts:
                if text.lower() == undecided:
                    return text
        raise _missing(path)

    def _matches(self, value: str) -> int:
        wanted = stems_of(value)
        return sum(2 if s.speaker == "user" else 1 for s in self._dialogue.sentences if wanted & s.stems)

    def _boolean(self, _path: str, name: str, _schema: Schema) -> bool:
        """True when it was stated: what is done (a participle) by the assistant or a tool, the rest by the caller."""
        words = [w for w in words_of(name) if w not in _FILLER_WORDS] or words_of(name)
        done = [w for w in words if w.endswith("ed")]
        if done:
            spoken = self._dialogue.by("assistant", "tool")
            return any(set(done) <= set(s.words) and _states(s) for s in spoken)
        wanted = {stem(w) for w in words}
        return any(wanted <= s.stems and not s.is_negated for s in self._dialogue.by("user"))

    def _string(self, path: str, name: str, schema: Schema) -> str:
        found = self._named(name) or self._overlapping(name, schema)
        if found is None:
            raise _missing(path)
        return found

    def _named(self, name: str) -> str | None:
        """What names of fields are known to mean: a name, a day, a time, a request, a summary."""
        words = words_of(name)
        if "summary" in words:
            return summarise(self._dialogue) or None
        for word in reversed(words):
            if word in patterns.FINDERS:
                return patterns.find(word, self._dialogue)
        if not _REQUEST_NAMES.isdisjoint(words):
            return next((s.text for s in request_sentences(self._dialogue)), None)
        return None

    def _overlapping(self, name: str, schema: Schema) -> str | None:
        """The caller's sentence that shares most words with the field's name and description."""
        if _known(name):
            return None
        wanted = stems_of(f"{name} {schema.get('description', '')}")
        best = max(self._dialogue.by("user"), key=lambda s: len(wanted & s.stems), default=None)
        return best.text if best is not None and wanted & best.stems else None

    def _null(self, _path: str, _name: str, _schema: Schema) -> None:
        return None

    def _number(self, path: str, name: str, schema: Schema) -> int | float:
        wanted = stems_of(f"{name} {schema.get('description', '')}")
        for sentence in self._dialogue.by("user", "assistant"):
            number = patterns.number(sentence.text)
            if wanted & sentence.stems and number is not None:
                return int(number) if schema.get("type") == "integer" else number
        raise _missing(path)


def _known(name: str) -> bool:
    return not patterns.FINDERS.keys().isdisjoint(words_of(name))


def _states(sentence: Sentence) -> bool:
    return not sentence.is_question and not sentence.is_negated


def _missing(path: str) -> NoMatchError:
    return NoMatchError(f"nothing that was said fills {path}")
