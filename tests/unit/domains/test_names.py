"""The form of a domain's name."""

import pytest
from pydantic import ValidationError

from sovereign.domains.model import NewDomain


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("example.com", "example.com"),
        ("Mail.Example.COM.", "mail.example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        (f"{'a' * 63}.nl", f"{'a' * 63}.nl"),
    ],
)
def test_name_is_kept_in_lower_case(given: str, kept: str) -> None:
    assert NewDomain(domain_name=given).domain_name == kept


@pytest.mark.parametrize(
    "given",
    ["", "localhost", "-a.com", "a-.com", "a..com", "a b.com", "http://a.com", "a.com/x", "user@a.com", "10.0.0.1",
     f"{'a' * 64}.nl", "bücher.example", f"{'a.' * 126}com", "a.com\n"],
)  # fmt: skip
def test_what_is_no_name_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        NewDomain(domain_name=given)
