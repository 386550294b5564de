"""Masks and their way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign.kernel.masking import is_mask, mask_secret, masked, unmasked, without_secrets


@pytest.mark.parametrize(
    ("secret", "mask"),
    [
        (None, None),
        ("whsec_0123456789abcdef", "whsec_...cdef"),
        ("0123456789abcdef", "...cdef"),
        ("0123456789abcde", "..."),
        ("whsec_short", "..."),
        ("", "..."),
    ],
)
def test_mask_shows_the_last_four_from_sixteen_characters(secret: str | None, mask: str | None) -> None:
    assert mask_secret(secret) == mask


@given(st.text(), st.text())
def test_mask_sent_back_leaves_the_value(old: str, new: str) -> None:
    assert unmasked(mask_secret(old), old) == old
    assert is_mask(mask_secret(old))
    if new != mask_secret(old):
        assert unmasked(new, old) == new
    assert unmasked(None, old) is None


def test_secrets_are_masked_at_any_depth() -> None:
    document = {
        "webhook_secret": "0123456789abcdef",
        "tools": [{"server": {"url": "https://x", "secret": "0123456789abcdef"}, "name": "t"}],
        "headers": {"Authorization": "Bearer 0123456789abcdef"},
        "pins": {"secret": [1234567890123456, 4321, True, None, {"pin": 0.5}], "api_key": {"value": "short"}},
    }
    assert masked(document) == {
        "webhook_secret": "...cdef",
        "tools": [{"server": {"url": "https://x", "secret": "...cdef"}, "name": "t"}],
        "headers": {"Authorization": "...cdef"},
        "pins": {"secret": ["...3456", "...", "...", None, {"pin": "..."}], "api_key": {"value": "..."}},
    }
    assert masked(masked(document)) == masked(document)


def test_clear_secrets_become_null_and_masks_stay() -> None:
    document = {"api_key": "fl_live_" + "0" * 40, "a": [{"webhook_secret": "whsec_...cdef", "secret": "x"}]}
    assert without_secrets(document) == {"api_key": None, "a": [{"webhook_secret": "whsec_...cdef", "secret": None}]}
