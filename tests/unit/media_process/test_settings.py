"""The environment of a media process: bad values are named, shares do not overlap."""

from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from media.settings import HostPort, MediaEnvironment, PortRange
from sovereign.catalog.fallbacks import Fallbacks
from sovereign.kernel.settings import ConfigurationError

GIVEN = {
    "stage": "dev",
    "table_name": "t",
    "kms_key_id": "k",
    "secret_prefix": "sovereign/dev",
    "control_secret_id": "c",
    "model_cache": "/cache",
}


def environment(**changes: Any) -> MediaEnvironment:
    return MediaEnvironment.model_validate({**GIVEN, **changes})


def test_addresses_and_ranges_are_read() -> None:
    read = environment(sip_listen="127.0.0.1:5070", rtp_ports="30000-30999", sip_jitter_buffer="off")
    assert read.sip_listen == HostPort("127.0.0.1", 5070)
    assert read.rtp_ports == PortRange(30000, 30999)
    assert read.sip_jitter_buffer is None
    assert environment(sip_listen="[::1]:5070").sip_address == "[::1]:5070"
    assert environment(sip_jitter_buffer="20-200").sip_jitter_buffer == (20, 200)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sip_listen", "5060"),
        ("sip_listen", "127.0.0.1:0"),
        ("sip_listen", "127.0.0.1:99999"),
        ("sip_listen", "localhost:5060"),
        ("rtp_ports", "30000"),
        ("rtp_ports", "31000-30000"),
        ("rtp_ports", "80-90"),
        ("sip_jitter_buffer", "some"),
        ("sip_jitter_buffer", "200-20"),
        ("max_calls", "0"),
        ("ring_timeout_seconds", "2"),
        ("control_address", "0.0.0.0:8443"),
        ("control_address", "[::]:8443"),
        ("advertised_address", "0.0.0.0"),
        ("provider_fallbacks", "[]"),
        ("sip_srtp_in", "yes"),
    ],
)
def test_bad_values_are_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        environment(**{name: value})
    assert refused.value.errors()[0]["loc"] == (name,)


def test_fallbacks_are_read_and_none_by_default() -> None:
    assert environment().provider_fallbacks == Fallbacks()
    read = environment(provider_fallbacks='{"llm": [{"provider": "xai", "model": "grok-4.3"}]}')
    assert [config.provider for config in read.provider_fallbacks.llm] == ["xai"]


def test_loopback_mode_off_loopback_is_refused() -> None:
    with pytest.raises(ValidationError, match="loopback"):
        environment(sip_listen="0.0.0.0:5060", sip_source_mode="loopback")
    assert environment(sip_listen="0.0.0.0:5060", sip_source_mode="edge").sip_source_mode == "edge"


def test_shares_of_several_processes_do_not_overlap() -> None:
    whole = environment(rtp_ports="20000-20999", max_calls="40", media_processes="3", control_listen="127.0.0.1:9000")
    shares = [whole.share(index) for index in range(3)]
    assert [share.sip_listen.port for share in shares] == [5060, 5062, 5064]
    assert [share.control_listen.port for share in shares] == [9000, 9001, 9002]
    assert [share.control_address for share in shares] == [HostPort("127.0.0.1", port) for port in (9000, 9001, 9002)]
    for earlier, later in pairwise(shares):
        assert earlier.rtp_ports.last < later.rtp_ports.first


def test_too_few_ports_for_the_calls_is_one_clear_line() -> None:
    with pytest.raises(ConfigurationError, match="RTP_PORTS: 40 calls in 1 process"):
        environment(rtp_ports="20000-20099").share(0)


def test_every_address_is_never_told_to_others() -> None:
    with pytest.raises(ConfigurationError, match="CONTROL_ADDRESS"):
        environment(control_listen="0.0.0.0:8443").share(0)
    with pytest.raises(ConfigurationError, match="SIP_LISTEN"):
        environment(sip_listen="[::]:5060", sip_source_mode="edge", advertised_address="10.0.0.1").share(0)


def test_own_address_goes_where_every_address_was_meant_and_nowhere_else() -> None:
    everywhere = environment(sip_listen="0.0.0.0:5060", sip_source_mode="edge", control_listen="0.0.0.0:8443")
    placed = everywhere.located("10.0.0.1").share(0)
    assert (placed.sip_address, str(placed.control_address)) == ("10.0.0.1:5060", "10.0.0.1:8443")
    assert placed.control_listen.host == "0.0.0.0", "the container's health check asks on loopback"
    given = environment(control_listen="0.0.0.0:8443", control_address="node.example:9").located("10.0.0.1")
    assert given.control_address == HostPort("node.example", 9)
    assert given.sip_listen == HostPort("127.0.0.1", 5060)
