"""Numbers as English words."""

_SMALL_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_SMALL = _SMALL_WORDS.split()
_TENS = ["-", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def cardinal(number: int) -> str:
    """42 -> "forty-two"; negative numbers say minus."""
    if number < 0:
        return "minus " + cardinal(-number)
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")
    for scale, name in _SCALES:
        if number >= scale:
            count, rest = divmod(number, scale)
            return f"{cardinal(count)} {name}" + (f" {cardinal(rest)}" if rest else "")
    raise AssertionError("every number of a hundred or more has a scale")


def ordinal(number: int) -> str:
    """21 -> "twenty-first"."""
    words = cardinal(number)
    head, separator, last = words.rpartition("-") if "-" in words.rsplit(" ", 1)[-1] else words.rpartition(" ")
    regular = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return head + separator + _ORDINALS.get(last, regular)


def digits(text: str) -> str:
    """Each digit by its name, "020" -> "zero two zero"; other characters are skipped."""
    return " ".join(_SMALL[int(c)] for c in text if c.isdigit())


def year(number: int) -> str:
    """1999 -> "nineteen ninety-nine", 2005 -> "two thousand five", 2026 -> "twenty twenty-six"."""
    century, rest = divmod(number, 100)
    if number % 1000 < 10 or not 1100 <= number <= 2099:
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} " + (f"oh {_SMALL[rest]}" if rest < 10 else cardinal(rest))


def value_of(words: str) -> int | None:
    """The number from 0 to 99 that words or digits say ("thirty five", "thirty-five", "35"), else None."""
    if words.isdigit():
        return int(words)
    parts = words.lower().replace("-", " ").split()
    if len(parts) == 1 and parts[0] in _SMALL:
        return _SMALL.index(parts[0])
    if parts and parts[0] in _TENS[2:]:
        tens = 10 * _TENS.index(parts[0])
        if len(parts) == 1:
            return tens
        if len(parts) == 2 and parts[1] in _SMALL[1:10]:
            return tens + _SMALL.index(parts[1])
    return None


NUMBER_WORD = "|".join(sorted([*_SMALL, *_TENS[2:]], key=len, reverse=True))
"""Alternatives of a regular expression for one word of a number below a hundred."""
