"""Many at once: nothing torn, nothing lost, nothing twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.client import Api
from tests.contract.resources import ASSISTANTS, CAMPAIGNS, RESOURCES, Resource, fresh_phone_number

each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=str)
AT_ONCE = 12


@each_resource
def test_parallel_deletes_give_one_success(resource: Resource, api: Api) -> None:
    made = resource.create(api)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(pool.map(lambda _: api.send("DELETE", resource.at(made)).status_code, range(AT_ONCE)))
    assert statuses == {200: 1, 404: AT_ONCE - 1}


@each_resource
def test_parallel_changes_of_one_member_leave_one_of_them(resource: Resource, api: Api) -> None:
    made = resource.create(api)
    names = [f"{made['name']}_{turn}" for turn in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda name: api.send("PATCH", resource.at(made), json={"name": name}), names))
    assert {answer.status_code for answer in answers} <= {200, 409}
    taken = [name for name, answer in zip(names, answers, strict=True) if answer.status_code == 200]
    now = resource.read(api, made)
    assert now["name"] in taken
    assert now == made | {"name": now["name"], "updated_at": now["updated_at"]}


def test_parallel_changes_of_different_members_all_stand_or_are_refused(api: Api) -> None:
    made = ASSISTANTS.create(api)
    changes: list[dict[str, Any]] = [
        {"business_name": "B"},
        {"first_message": "F"},
        {"silence_timeout_seconds": 30},
        {"max_duration_seconds": 60},
        {"voicemail_message": "V"},
        {"gdpr_mode": True},
        {"metadata": {"k": 1}},
        {"ai_disclosure": None},
    ]
    with ThreadPoolExecutor(len(changes)) as pool:
        answers = list(pool.map(lambda change: api.send("PATCH", ASSISTANTS.at(made), json=change), changes))
    assert {answer.status_code for answer in answers} <= {200, 409}
    expected = dict(made)
    for change, answer in zip(changes, answers, strict=True):
        expected |= change if answer.status_code == 200 else {}
    now = ASSISTANTS.read(api, made)
    assert now == expected | {"updated_at": now["updated_at"]}


def test_parallel_leads_are_counted_exactly(api: Api) -> None:
    campaign = CAMPAIGNS.create(api)
    path = f"/campaigns/{campaign['id']}/leads"
    bodies = [{"phone_number": fresh_phone_number()} for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(lambda body: api.send("POST", path, json=body).status_code, bodies))
    assert set(statuses) <= {201, 409}
    added = statuses.count(201)
    assert api.get(path)["pagination"]["total"] == 1 + added
    assert CAMPAIGNS.read(api, campaign)["total_leads"] == 1 + added
