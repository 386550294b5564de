"""Keys of requests: replayed, refused with another body, one object however many at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contract.client import Api, named_in
from tests.contract.resources import RESOURCES, Resource

each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=str)


def post(api: Api, path: str, body: Any, key: str) -> httpx.Response:
    return api.send("POST", path, json=body, headers={"Idempotency-Key": key})


@each_resource
def test_the_same_key_and_body_is_answered_again_and_acts_once(resource: Resource, api: Api) -> None:
    body, key = resource.body(api), str(uuid4())
    count = len(api.get(resource.path)[resource.plural])
    first, second = post(api, resource.path, body, key), post(api, resource.path, body, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len(api.get(resource.path)[resource.plural]) == count + 1


@each_resource
def test_fifty_at_once_make_one_object(resource: Resource, api: Api) -> None:
    body, key = resource.body(api), str(uuid4())
    count = len(api.get(resource.path)[resource.plural])
    with ThreadPoolExecutor(50) as pool:
        answers = [*pool.map(lambda _: post(api, resource.path, body, key), range(50))]
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {201, 409}
    made = {answer.json()[resource.singular]["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 409)
    assert len(api.get(resource.path)[resource.plural]) == count + 1


def test_the_same_key_with_another_body_is_a_conflict(api: Api) -> None:
    key = str(uuid4())
    post(api, "/assistants", {"name": "A"}, key)
    refused = post(api, "/assistants", {"name": "B"}, key)
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_conflict")


def test_a_key_belongs_to_its_path_and_its_organization(api: Api, stranger: Api) -> None:
    key, body = str(uuid4()), {"name": "A"}
    ids = {
        post(api, "/assistants", body, key).json()["assistant"]["id"],
        post(api, "/agents", body, key).json()["agent"]["id"],
        post(stranger, "/assistants", body, key).json()["assistant"]["id"],
    }
    assert len(ids) == 3


def test_a_refusal_is_replayed_too(api: Api) -> None:
    key = str(uuid4())
    first, second = (post(api, "/assistants", {"name": ""}, key) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second.headers["idempotent-replayed"] == "true"


def test_a_shown_secret_is_not_kept(api: Api) -> None:
    key = str(uuid4())
    first, second = (post(api, "/api-keys", {"name": "Once"}, key) for _ in range(2))
    assert first.json()["api_key"]["secret"].startswith("fl_live_")
    assert second.json()["api_key"]["secret"] is None
    first, second = (post(api, "/organizations", {"name": "Child"}, key) for _ in range(2))
    assert first.json()["api_key"].startswith("fl_live_")
    assert second.json() == first.json() | {"api_key": None}


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb"], ids=lambda key: key[:8])
def test_bad_keys_are_refused(key: str, api: Api) -> None:
    answer = post(api, "/assistants", {"name": "x"}, key)
    assert answer.status_code == 400
    assert named_in(answer.json()) == {"Idempotency-Key"}


def test_the_longest_key_is_taken(api: Api) -> None:
    key = uuid4().hex * 8
    assert post(api, "/assistants", {"name": "x"}, key[:255]).status_code == 201


def test_a_key_on_other_methods_does_nothing(api: Api) -> None:
    for _ in range(2):
        answer = api.send("GET", "/assistants", headers={"Idempotency-Key": "k"})
        assert "idempotent-replayed" not in answer.headers
