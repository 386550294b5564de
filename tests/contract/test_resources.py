"""What holds for every resource alike: its life, its envelopes, its refusals, its tenant."""

from typing import Any

import pytest

from tests.contract.client import Api, named_in
from tests.contract.resources import AGENTS, ASSISTANTS, RESOURCES, TRUNKS, UNKNOWN_ID, Resource

each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=str)


@each_resource
def test_life_of_an_object_from_create_to_delete(resource: Resource, api: Api) -> None:
    sent = resource.body(api)
    made = api.post(resource.path, sent)[resource.singular]
    assert {name: made[name] for name in sent.keys() - resource.write_only} == {
        name: value for name, value in sent.items() if name not in resource.write_only
    }
    assert resource.write_only.isdisjoint(made)
    assert made["created_at"] == made["updated_at"]
    assert resource.read(api, made) == made
    assert resource.as_listed(made) in api.get(resource.path)[resource.plural]
    changed = api.patch(resource.at(made), resource.changes)[resource.singular]
    assert changed == made | resource.changes | {"updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]
    assert resource.read(api, made) == changed
    assert api.delete(resource.at(made)) == {"success": True}
    assert api.get(resource.at(made), expect=404)["code"] == "not_found"
    api.patch(resource.at(made), resource.changes, expect=404)
    api.delete(resource.at(made), expect=404)
    assert made["id"] not in {other["id"] for other in api.get(resource.path)[resource.plural]}


@each_resource
def test_ids_and_times_have_their_documented_form(resource: Resource, api: Api) -> None:
    made = resource.create(api)
    assert len(made["id"]) == 36
    assert made["id"].count("-") == 4
    for name in ("created_at", "updated_at"):
        assert len(made[name]) == len("2026-01-01T00:00:00.000Z")
        assert made[name].endswith("Z")


@each_resource
def test_missing_members_are_named(resource: Resource, api: Api) -> None:
    refused = api.post(resource.path, {}, expect=400)
    assert refused["code"] == "missing_field"
    assert named_in(refused) == {*resource.required}


@each_resource
def test_null_for_a_required_member_is_refused(resource: Resource, api: Api) -> None:
    for name in resource.required:
        assert named_in(api.post(resource.path, resource.body(api) | {name: None}, expect=400)) == {name}


@each_resource
def test_unknown_members_are_refused_and_change_nothing(resource: Resource, api: Api) -> None:
    before = api.get(resource.path)[resource.plural]
    refused = api.post(resource.path, resource.body(api) | {"colour": "red", "naem": "typo"}, expect=400)
    assert named_in(refused) == {"colour", "naem"}
    assert api.get(resource.path)[resource.plural] == before
    made = resource.create(api)
    assert named_in(api.patch(resource.at(made), resource.changes | {"colour": "red"}, expect=400)) == {"colour"}
    assert resource.read(api, made) == made


@each_resource
@pytest.mark.parametrize("wrong", [5, 5.5, True, [], {}, ["x"], {"a": 1}], ids=repr)
def test_wrong_types_are_refused_by_name(resource: Resource, wrong: Any, api: Api) -> None:
    body = resource.body(api) | dict.fromkeys(resource.required, wrong)
    refused = api.post(resource.path, body, expect=400)
    taken = resource.free_objects if isinstance(wrong, dict) else set()
    assert {name.partition(".")[0] for name in named_in(refused)} == {*resource.required} - taken


@each_resource
@pytest.mark.parametrize("body", [[], "text", 5, None, True, [{}]], ids=repr)
def test_bodies_that_are_no_object_are_refused(resource: Resource, body: Any, api: Api) -> None:
    api.post(resource.path, body, expect=400)
    made = resource.create(api)
    api.patch(resource.at(made), body, expect=400)


@each_resource
def test_read_only_members_are_ignored_when_equal_and_refused_when_not(resource: Resource, api: Api) -> None:
    made = resource.create(api)
    for name, other in resource.read_only.items():
        unchanged = api.patch(resource.at(made), {name: made[name]})[resource.singular]
        made["updated_at"] = unchanged["updated_at"]
        assert unchanged == made
        assert named_in(api.patch(resource.at(made), {name: other}, expect=400)) == {name}
        if name not in resource.required:
            assert named_in(api.post(resource.path, resource.body(api) | {name: other}, expect=400)) == {name}
    assert resource.read(api, made) == made


@each_resource
def test_a_whole_object_can_be_sent_back(resource: Resource, api: Api) -> None:
    made = resource.create(api)
    back = api.patch(resource.at(made), made)[resource.singular]
    assert back == made | {"updated_at": back["updated_at"]}


@each_resource
def test_an_empty_patch_changes_nothing(resource: Resource, api: Api) -> None:
    made = resource.create(api)
    back = api.patch(resource.at(made), {})[resource.singular]
    assert back == made | {"updated_at": back["updated_at"]}


@each_resource
def test_another_tenants_objects_do_not_exist(resource: Resource, api: Api, stranger: Api) -> None:
    made = resource.create(api)
    unknown = stranger.get(f"{resource.path}/{UNKNOWN_ID}", expect=404)
    assert stranger.get(resource.at(made), expect=404) == unknown
    assert stranger.patch(resource.at(made), resource.changes, expect=404) == unknown
    assert stranger.delete(resource.at(made), expect=404) == unknown
    assert made["id"] not in {other["id"] for other in stranger.get(resource.path)[resource.plural]}
    assert resource.read(api, made) == made


@each_resource
@pytest.mark.parametrize("odd", ["x", "%00", "%F0%9F%98%80", "..%2f..", "A" * 256, "A" * 3000, "%22%27", "null"])
def test_odd_ids_are_not_found(resource: Resource, odd: str, api: Api) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = api.send(method, f"{resource.path}/{odd}", **({"json": {}} if method == "PATCH" else {}))
        assert answer.status_code == 404, answer.text


def test_lists_are_newest_first(organizations: Any) -> None:
    with organizations.create("Lists").client() as api:
        for resource in (ASSISTANTS, TRUNKS):
            made = [resource.create(api)["id"] for _ in range(3)]
            assert [listed["id"] for listed in api.get(resource.path)[resource.plural]] == made[::-1]


def test_both_names_of_assistants_show_the_same_objects(api: Api) -> None:
    made = AGENTS.create(api)
    assert ASSISTANTS.read(api, made) == made
    assert api.get("/agents")["agents"] == api.get("/assistants")["assistants"]
    api.delete(ASSISTANTS.at(made))
    api.get(AGENTS.at(made), expect=404)


def test_a_secret_is_never_shown_and_can_be_sent_back_as_its_mask(api: Api) -> None:
    secret = "whsec_0123456789abcdef0123"
    made = ASSISTANTS.create(api, webhook_secret=secret)
    assert made["webhook_secret"] == "whsec_...0123"
    back = api.patch(ASSISTANTS.at(made), {"webhook_secret": made["webhook_secret"], "name": "N"})["assistant"]
    assert back["webhook_secret"] == made["webhook_secret"]
    assert ASSISTANTS.create(api, webhook_secret="fifteen-letters")["webhook_secret"] == "..."
    assert secret not in api.send("GET", "/assistants").text
