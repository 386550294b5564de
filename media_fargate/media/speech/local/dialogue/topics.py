"""Subjects that every business is asked about, recognised in questions and in facts by how they are worded."""

import re

_CONCEPTS = {
    "price": (
        r"\bhow (?:much|expensive)\b|\b(?:price[sd]?|pricing|costs?|fees?|rates?|charges?|expensive|cheap|tariffs?)\b"
        r"|[€$£]|\b(?:euros?|dollars?|pounds?|usd|eur|gbp)\b|\bfree of charge\b"
    ),
    "hours": (
        r"\b(?:open|opens|opened|opening|closed?|closes|closing|hours)\b|\bwhat time\b|\bfrom \d{1,2}(?:[:.]\d\d)?\b"
        r"|\b\d{1,2}[:.]\d\d\b"
    ),
    "place": r"\b(?:where|address|located|location|street|avenue|road|square|directions?|find you)\b",
    "phone": r"\b(?:phone|telephone|call us|reach us)\b|\+\d{6,}|\b\d{3}[ -]\d{3,4}\b",
    "email": r"\be-?mail\b|@",
}
_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _CONCEPTS.items()}

_CONCEPT_STEMS = (
    "pric cost fee rate charg expensiv cheap euro dollar pound open clos hour time address locat street phon telephon "
    "email mail number day week weekday weekend work"
)
CONCEPT_WORDS = frozenset(_CONCEPT_STEMS.split())
"""Stems that name a concept, not what it is about."""

LABELS = {
    "price": "our prices",
    "hours": "our opening hours",
    "place": "where to find us",
    "phone": "our phone number",
    "email": "our e-mail address",
}
"""How the assistant names each subject when it says what it can help with."""


def concepts_in(text: str) -> frozenset[str]:
    """Which of the subjects a sentence is about; "how long is it open" may be about two."""
    return frozenset(name for name, pattern in _PATTERNS.items() if pattern.search(text))
