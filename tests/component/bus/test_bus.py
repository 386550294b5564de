from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from sovereign.kernel.bus import MAX_BYTES, Bus, Event, EventTooLargeError
from tests.component.calls.harness import START


class Recorded:
    """An EventBridge client that takes what it is told to."""

    def __init__(self, refuse: frozenset[int] = frozenset(), down: bool = False) -> None:
        self.refuse, self.down, self.requests = refuse, down, []  # type: ignore[var-annotated]

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if self.down:
            raise EndpointConnectionError(endpoint_url="bus")
        self.requests.append(Entries)
        return {"Entries": [{"ErrorCode": "X"} if i in self.refuse else {"EventId": "1"} for i in range(len(Entries))]}


def bus(client: Recorded, monkeypatch: pytest.MonkeyPatch) -> Bus:
    monkeypatch.setattr("sovereign.kernel.bus.aws.client", lambda _service: client)
    return Bus("bus")


def event(size: int = 10) -> Event:
    return Event("sovereign.calls", "call.ended", {"org_id": "x" * size}, START)


def test_events_go_ten_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Recorded()
    assert bus(client, monkeypatch).publish([event()] * 23) == [True] * 23
    assert [len(entries) for entries in client.requests] == [10, 10, 3]
    assert client.requests[0][0]["EventBusName"] == "bus"


def test_large_events_are_split_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Recorded()
    bus(client, monkeypatch).publish([event(MAX_BYTES // 3)] * 5)
    assert [len(entries) for entries in client.requests] == [2, 2, 1]


def test_a_refused_entry_is_told_apart_from_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bus(Recorded(refuse=frozenset({1})), monkeypatch).publish([event()] * 3) == [True, False, True]


def test_an_outage_is_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bus(Recorded(down=True), monkeypatch).publish([event()] * 3) == [False] * 3


def test_an_event_no_request_can_hold_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Recorded()
    with pytest.raises(EventTooLargeError):
        bus(client, monkeypatch).publish([event(), event(MAX_BYTES)])
    assert client.requests == []


def test_nothing_to_publish_is_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Recorded()
    assert bus(client, monkeypatch).publish([]) == []
    assert client.requests == []
