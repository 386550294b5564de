"""Which number a SIP value names, whatever a carrier or a stranger writes around it."""

import pytest

from sovereign.numbers.called import called_number

NUMBER = "+12025550142"


@pytest.mark.parametrize(
    "value",
    [
        f"sip:{NUMBER}@example.com",
        "<sip:%2B12025550142@example.com;user=phone>",
        "<tel:+1-202-555-0142>",
        f'"Front \\"desk\\" <night>" <sip:{NUMBER}@example.com>;tag=1',
        f'"<sip:+12025550199@example.com>" <sip:{NUMBER}@example.com>',
        f"Front desk <sip:{NUMBER}@example.com>",
        "0012025550142",
    ],
)
def test_the_number_is_read_out_of_every_form_of_an_address(value: str) -> None:
    assert called_number(value) == NUMBER


@pytest.mark.parametrize(
    "value",
    [
        "",
        '"',
        '"' * 5000,
        "<" * 5000,
        "sip:",
        "sip:%zz@x",
        "sip:%00%2B@x",
        "<sip:anonymous@anonymous.invalid>",
        "+" * 99,
    ],
)
def test_anything_else_names_no_number(value: str) -> None:
    assert called_number(value) is None
