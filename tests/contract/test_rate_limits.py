"""A hundred requests a minute for each key, counted on every answer."""

import time
from collections.abc import Iterator

import pytest

from infra.embedded.local_file import LocalPlatform
from tests.contract.client import Api


@pytest.fixture
def limited(api: Api, platform: LocalPlatform) -> Iterator[Api]:
    """A fresh key, at a moment with enough of the minute left to use it up."""
    made = api.post("/api-keys", {"name": "Limited"})["api_key"]
    if (left := 60 - time.time() % 60) < 25:
        time.sleep(left + 0.1)
    with Api(platform.api_url, key=made["secret"]) as client:
        yield client


def test_the_hundred_and_first_request_of_a_minute_is_refused(limited: Api, api: Api) -> None:
    minute = int(time.time()) // 60
    remaining = []
    for number in range(100):
        path = "/voices" if number % 3 else "/assistants/unknown"  # errors count like everything else
        answer = limited.send("GET", path)
        assert answer.status_code in {200, 404}
        assert answer.headers["x-ratelimit-limit"] == "100"
        assert int(answer.headers["x-ratelimit-reset"]) == minute * 60 + 60
        remaining.append(int(answer.headers["x-ratelimit-remaining"]))
    assert remaining == [*range(99, -1, -1)]
    for method, path in (("GET", "/voices"), ("POST", "/assistants")):
        refused = limited.send(method, path)
        body = refused.json()
        assert (refused.status_code, body["code"]) == (429, "rate_limit_exceeded")
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert refused.headers["retry-after"] == str(body["retry_after"])
        assert 1 <= body["retry_after"] <= 60
    assert api.send("GET", "/voices").status_code == 200  # another key of the same organization


def test_a_key_without_a_limit_never_runs_out(api: Api) -> None:
    answers = [api.send("GET", "/voices") for _ in range(110)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-ratelimit-remaining"] for answer in answers} == {"100"}
