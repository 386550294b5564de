import json
from collections.abc import Iterator

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from sovereign.kernel import aws
from sovereign.nodes.client import NODE_UNREACHABLE, NodeClient


class BrokenWire:
    """Counts what is sent; each answer is lost, or a 500."""

    def __init__(self, status: int | None) -> None:
        self.sent: list[dict[str, object]] = []
        self._status = status

    def send(self, request: object) -> AWSResponse:
        self.sent.append(json.loads(request.body))  # type: ignore[attr-defined]
        if self._status is None:
            raise ReadTimeoutError(endpoint_url="http://lambda.test")
        return AWSResponse("http://lambda.test", self._status, {}, _Raw())


class _Raw:
    def stream(self) -> Iterator[bytes]:
        yield b"{}"


@pytest.fixture
def wire_of(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    def attach(status: int | None) -> tuple[NodeClient, BrokenWire]:
        client, wire = aws.lambda_client_sending_once.__wrapped__(), BrokenWire(status)
        client._endpoint.http_session = wire  # type: ignore[attr-defined]
        return NodeClient("gateway", client), wire

    return attach


@pytest.mark.parametrize("status", [None, 500, 503, 429])
def test_command_whose_answer_is_lost_is_sent_once(wire_of: object, status: int | None) -> None:
    client, wire = wire_of(status)  # type: ignore[operator]
    answer = client.control("node", "org", "call", {"type": "say", "content": "once"})
    assert answer.code == NODE_UNREACHABLE
    assert len(wire.sent) == 1


def test_answer_is_waited_for_longer_than_the_gateway_runs() -> None:
    from infra.resources import NODE_GATEWAY  # noqa: PLC0415 - the AWS shape, a fact of another part

    assert NODE_GATEWAY.timeout_seconds < aws.ONCE_READ_SECONDS
