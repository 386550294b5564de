"""Who is called and who calls, from header values as carriers send them."""

import pytest

from media.telephony.addresses import TrunkRoute, called_number, caller_number, dial_uri, source_address


def test_called_number_prefers_the_edges_request_uri() -> None:
    headers = {"X-Request-Uri": "sip:+31201234567@10.0.0.1", "To": "<sip:+31850835037@example.com>"}
    assert called_number(headers, behind_edge=True) == "+31201234567"


def test_called_number_ignores_a_request_uri_header_without_an_edge() -> None:
    headers = {"X-Request-Uri": "sip:+31201234567@10.0.0.1", "To": "<sip:+31850835037@example.com>"}
    assert called_number(headers, behind_edge=False) == "+31850835037"


@pytest.mark.parametrize(
    "to", ["<sip:0031850835037@h;user=phone>", '"Desk" <sip:31850835037@h>;tag=1', "tel:+31-85-0835037"]
)
def test_called_number_is_read_in_the_forms_carriers_use(to: str) -> None:
    assert called_number({"To": to}, behind_edge=False) == "+31850835037"


def test_called_number_falls_back_to_diversion_then_called_party() -> None:
    diverted = {"To": "<sip:trunk@h>", "Diversion": "<sip:+31850835037@h>;reason=unconditional"}
    assert called_number(diverted, behind_edge=False) == "+31850835037"
    party = {"To": "<sip:trunk@h>", "P-Called-Party-ID": "<sip:+31201234567@h>"}
    assert called_number(party, behind_edge=False) == "+31201234567"


def test_called_number_is_none_without_a_number() -> None:
    assert called_number({"To": "<sip:reception@h>"}, behind_edge=False) is None
    assert called_number({}, behind_edge=True) is None


def test_caller_number_prefers_the_asserted_identity_and_may_be_withheld() -> None:
    headers = {"P-Asserted-Identity": "<sip:+31612345678@h>", "From": "<sip:anonymous@anonymous.invalid>;tag=1"}
    assert caller_number(headers) == "+31612345678"
    assert caller_number({"From": headers["From"]}) is None


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("udp:192.0.2.7:5060", "192.0.2.7"),
        ("tls:[2001:db8::1]:5061", "2001:db8::1"),
        ("192.0.2.7", "192.0.2.7"),
        ("", None),
        ("udp:evil.example:5060", None),
    ],
)
def test_source_address_is_what_the_edge_verified(value: str, address: str | None) -> None:
    assert source_address({"X-Verified-Source": value}, behind_edge=True) == address


def test_source_address_without_an_edge_is_loopback_whatever_a_header_says() -> None:
    assert source_address({"X-Verified-Source": "udp:192.0.2.7:5060"}, behind_edge=False) == "127.0.0.1"


def test_trunk_route_never_prints_credentials_or_addresses() -> None:
    trunk = TrunkRoute(trunk_id="t1", address="sip.example.com:5070", auth_username="user", auth_password="hush")
    assert "hush" not in repr(trunk)
    assert "example" not in repr(trunk)
    assert dial_uri(trunk, "+31201234567") == "sip:+31201234567@sip.example.com:5070;transport=udp"
