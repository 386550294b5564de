"""Nothing personal passes from the SIP stack's log into ours."""

import pytest

from media.telephony.stack_log import without_identities


@pytest.mark.parametrize(
    "line",
    [
        "ua: no laddr for sip:+31612345678@192.0.2.1",
        'call: from "A" <sip:jane.doe@example.com> to +31201234567',
        "auth failed for +31 (0)20-1234567".replace(" ", ""),
    ],
)
def test_numbers_and_addresses_are_taken_out(line: str) -> None:
    cleaned = without_identities(line)
    assert "612345678" not in cleaned
    assert "jane" not in cleaned
    assert "1234567" not in cleaned


def test_plain_words_and_short_codes_stay() -> None:
    assert without_identities("call: reject with 486 Busy Here [111]") == "call: reject with 486 Busy Here [111]"
