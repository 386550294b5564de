"""Leads from a file, as a client sends one: the form, the upload, the work on the deployed platform, the error file."""

from typing import Any

import httpx
import pytest

from infra.embedded.cloud import cloud_client
from tests.contract.client import Api
from tests.contract.organizations import Organizations
from tests.contract.resources import CAMPAIGNS, fresh_phone_number
from tests.contract.waiting import wait_until

Import = dict[str, Any]


@pytest.fixture
def campaign(api: Api) -> str:
    return f"/campaigns/{CAMPAIGNS.create(api, leads=[])['id']}"


def offer(api: Api, campaign: str) -> Import:
    made: Import = api.post(f"{campaign}/imports", {})["import"]
    return made


def send(offered: Import, content: bytes, **fields: str) -> int:
    """What S3 answers to the upload."""
    upload = offered["upload"]
    form = upload["fields"] | fields
    file = {"file": ("leads.csv", content, "text/csv")}
    return httpx.post(upload["url"], data=form, files=file, trust_env=False, timeout=30).status_code


def finished(api: Api, campaign: str, offered: Import) -> Import:
    place = f"{campaign}/imports/{offered['id']}"
    wait_until(lambda: api.get(place)["import"]["finished_at"], 90)
    found: Import = api.get(place)["import"]
    return found


def file_of(numbers: list[str]) -> bytes:
    rows = [f'{number},"Name, {place}"' for place, number in enumerate(numbers)]
    return "\r\n".join(["phone_number,name", *rows, "112,Short", f"{numbers[0]},Again", ""]).encode()


def test_uploaded_file_becomes_leads_and_what_is_left_out_is_told(api: Api, campaign: str) -> None:
    numbers = [fresh_phone_number() for _ in range(120)]
    offered, content = offer(api, campaign), file_of(numbers)
    assert (offered["status"], offered["total_rows"], offered["error_file"]) == ("waiting", None, None)
    assert send(offered, content) == 204
    done = finished(api, campaign, offered)
    rows = {name: done[f"{name}_rows"] for name in ("total", "processed", "imported", "duplicate", "invalid")}
    assert rows == {"total": 122, "processed": 122, "imported": 120, "duplicate": 1, "invalid": 1}
    assert (done["status"], done["upload"], done["error"]) == ("completed", None, None)
    leads = api.get(f"{campaign}/leads", offset=100, limit=100)
    assert [lead["phone_number"] for lead in leads["leads"]] == numbers[100:]
    assert leads["leads"][0]["variables"] == {"name": "Name, 100"}
    shown = api.get(campaign)["campaign"]
    assert (shown["total_leads"], shown["pending_leads"]) == (120, 120)
    errors = httpx.get(done["error_file"]["url"], trust_env=False, timeout=30)
    assert errors.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[0] for line in errors.text.splitlines()] == ["line", "122", "123"]

    again = offer(api, campaign)
    assert send(again, content) == 204
    assert finished(api, campaign, again)["same_as_import_id"] == offered["id"]
    assert api.get(campaign)["campaign"]["total_leads"] == 120


def test_file_that_is_no_list_of_leads_fails_with_a_reason(api: Api, campaign: str) -> None:
    offered = offer(api, campaign)
    assert send(offered, b"name\nAda\n") == 204
    done = finished(api, campaign, offered)
    assert (done["status"], done["error"]["code"]) == ("failed", "missing_column")


def test_form_is_good_for_its_own_import_only(api: Api, campaign: str) -> None:
    first, second = offer(api, campaign), offer(api, campaign)
    assert send(first, b"phone_number\n", key=second["upload"]["fields"]["key"]) == 403
    assert send(first, b"") == 400
    assert api.get(f"{campaign}/imports/{second['id']}")["import"]["status"] == "waiting"


def test_files_go_with_their_campaign(api: Api, campaign: str, organizations: Organizations) -> None:
    offered = offer(api, campaign)
    assert send(offered, b"phone_number\nx\n") == 204
    assert finished(api, campaign, offered)["error_file"]
    assert api.delete(campaign) == {"success": True}
    configured = cloud_client("lambda", organizations.endpoint).get_function_configuration
    bucket = configured(FunctionName="sovereign-embedded-campaigns")["Environment"]["Variables"]["IMPORTS_BUCKET"]
    objects = cloud_client("s3", organizations.endpoint).list_objects_v2(Bucket=bucket).get("Contents", [])
    assert [o["Key"] for o in objects if campaign.rpartition("/")[2] in o["Key"]] == []
