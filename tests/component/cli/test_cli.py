"""The operator's command line."""

import json
from typing import Any

import pytest

from sovereign.api_keys import ApiKeyStore
from sovereign.cli.main import main
from sovereign.kernel import settings
from sovereign.kernel.table import Table
from sovereign.numbers.model import NumberSettings
from sovereign.numbers.store import NumberStore
from sovereign.organizations import OrganizationStore


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(arguments) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def test_organization_is_made_with_both_keys(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["admin", "create-organization", "--name", "Acme", "--billing-mode", "unlimited", "--unlimited-rate-key"]
    printed = run(capsys, *command)
    organization = OrganizationStore(table).get(printed["org_id"])
    assert (organization.name, organization.billing_mode, organization.api_key_count) == ("Acme", "unlimited", 2)
    keys = ApiKeyStore(table)
    limited, unlimited = keys.find_grant(printed["api_key"]), keys.find_grant(printed["load_api_key"])
    assert limited is not None
    assert unlimited is not None
    assert (limited.rate_limit_per_minute, unlimited.rate_limit_per_minute) == (100, None)


def test_credits_are_added(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    org_id = OrganizationStore(table).create("Acme", billing_mode="metered").organization.id
    printed = run(capsys, "credits", "add", "--org", org_id, "--minutes", "500")
    assert printed == {"org_id": org_id, "minutes_balance": 500.0}


def test_billing_mode_is_changed(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    org_id = OrganizationStore(table).create("Acme", billing_mode="metered").organization.id
    run(capsys, "admin", "set-billing-mode", "--org", org_id, "--billing-mode", "unlimited")
    assert OrganizationStore(table).get(org_id).billing_mode == "unlimited"


@pytest.mark.parametrize(("given", "limit"), [("5000", 5000), ("none", None)])
def test_limit_of_a_key_is_set(table: Table, capsys: pytest.CaptureFixture[str], given: str, limit: int | None) -> None:
    created = OrganizationStore(table).create("Acme", billing_mode="metered")
    org_id, key_id = created.organization.id, created.key.id
    run(capsys, "keys", "set-limit", "--org", org_id, "--key", key_id, "--per-minute", given)
    grant = ApiKeyStore(table).find_grant(created.secret)
    assert grant is not None
    assert grant.rate_limit_per_minute == limit


def test_refusal_is_one_line_and_status_one(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["credits", "add", "--org", "nobody", "--minutes", "5"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "sovereign: no such organization\n"


def test_missing_table_name_says_what_to_set(
    table: Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    monkeypatch.delenv("TABLE_NAME")
    settings.read_environment.cache_clear()
    assert main(["credits", "add", "--org", "x", "--minutes", "5"]) == 1
    assert "TABLE_NAME" in capsys.readouterr().err


def test_table_that_is_not_there_is_one_line(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--table", "other", "credits", "add", "--org", "x", "--minutes", "5"]) == 1
    assert capsys.readouterr().err == "sovereign: AWS refused TransactWriteItems: ResourceNotFoundException\n"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["admin"],
        ["admin", "create-organization", "--name", "x"],
        ["admin", "create-organization", "--name", "", "--billing-mode", "unlimited"],
        ["admin", "create-organization", "--name", "x", "--billing-mode", "free"],
        ["credits", "add", "--org", "x", "--minutes", "-5"],
        ["credits", "add", "--org", "x", "--minutes", "1.5"],
        ["keys", "set-limit", "--org", "x", "--key", "y", "--per-minute", "0"],
    ],
)
def test_wrong_command_line_is_status_two(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_number_is_verified_for_the_organization_that_registered_it(
    table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    org_id = OrganizationStore(table).create("Acme", billing_mode="metered").organization.id
    settings_ = NumberSettings(phone_number="+31201234567")
    number, _ = NumberStore(table).create(org_id, settings_)
    assert main(["numbers", "verify", "--org", "other", "--number", "+31201234567"]) == 1
    capsys.readouterr()
    printed = run(capsys, "numbers", "verify", "--org", org_id, "--number", "+31201234567")
    assert printed == {"org_id": org_id, "number_id": number.id, "verification": "verified"}
