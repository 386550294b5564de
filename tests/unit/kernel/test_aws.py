"""How long a service that does not answer keeps a request waiting."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from media.heartbeat import END_CALLS_AFTER_SECONDS
from sovereign.kernel import aws

API_FUNCTION_SECONDS = 29
"""`API_TIMEOUT_SECONDS` of infra/constructs/service_function.py, which cannot be imported without the CDK."""
REQUESTS: dict[Any, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"pk": {"S": "p"}, "sk": {"S": "s"}}}),
    "events": ("put_events", {"Entries": [{"Source": "s"}]}),
    "kms": ("decrypt", {"CiphertextBlob": b"c"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "s"}),
    "sqs": ("send_message", {"QueueUrl": "https://sqs.test/q", "MessageBody": "m"}),
    "ssm": ("get_parameter", {"Name": "n"}),
    "stepfunctions": ("start_execution", {"stateMachineArn": "arn"}),
}


class HungService:
    """Never answers: every request ends with the time that is waited for it."""

    def __init__(self, client: Any) -> None:
        self.waited = 0.0
        self.requests = 0
        self._seconds: float = client.meta.config.read_timeout
        client._endpoint.http_session = self

    def send(self, _request: object) -> None:
        self.requests += 1
        self.waited += self._seconds
        raise ReadTimeoutError(endpoint_url="http://hung.test")

    def pause(self, seconds: float) -> None:
        self.waited += seconds


@pytest.mark.parametrize("service", REQUESTS)
def test_service_that_hangs_is_asked_again_and_given_up_in_time(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    made: Any = aws.client  # whose overloads hide that it is cached
    client = made.__wrapped__(service)
    hung = HungService(client)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=hung.pause))
    operation, parameters = REQUESTS[service]
    with pytest.raises(ReadTimeoutError):
        getattr(client, operation)(**parameters)
    assert hung.requests == 3
    assert hung.waited < API_FUNCTION_SECONDS - 10
    assert 3 * hung.waited < END_CALLS_AFTER_SECONDS
