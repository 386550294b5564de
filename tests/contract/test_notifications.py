"""Mails about calls: real reports of real calls, through the platform's queue, to the stand-in for Resend."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.contract.client import Api
from tests.contract.organizations import Organizations
from tests.contract.resources import ASSISTANTS, NUMBERS, TRUNKS
from tests.contract.waiting import wait_until
from tests.fakes.resend import FakeResend
from tests.fakes.server import GOOD_KEY

DESTINATION = "+31612345678"
DOMAIN = "notified.example.com"
DESK, BOSS = "desk@riverside.example", "boss@riverside.example"


class Notified(NamedTuple):
    """An organization whose assistant names addresses, before anything is set up at Resend."""

    api: Api
    assistant_id: str
    warnings: list[str]

    def call(self) -> dict[str, Any]:
        """A call that ends at once, because nobody carries it, when it is known what became of its mail."""
        order = {"destination": DESTINATION, "assistant_id": self.assistant_id}
        self.api.post("/calls/outbound", order, expect=503)
        call_id = self.api.get("/calls")["calls"][0]["id"]
        wait_until(lambda: (self._read(call_id)["notification"] or {}).get("status") not in (None, "pending"), 60)
        return self._read(call_id)

    def _read(self, call_id: str) -> dict[str, Any]:
        call: dict[str, Any] = self.api.get(f"/calls/{call_id}")
        return call


@pytest.fixture(scope="module")
def notified(organizations: Organizations) -> Iterator[Notified]:
    organization = organizations.create("Notified")
    with organization.client() as api:
        number = NUMBERS.create(api, transfer_trunk_id=TRUNKS.create(api)["id"])
        organizations.operate("numbers", "verify", "--org", organization.id, "--number", number["phone_number"])
        made = api.post(
            "/assistants",
            {"name": "Desk <b>", "business_name": "Riverside", "notification_emails": [DESK, BOSS]},
        )
        yield Notified(api, ASSISTANTS.read(api, made["assistant"])["id"], made.get("warnings", []))


def test_mail_is_sent_once_its_domain_is_verified(notified: Notified, resend: FakeResend) -> None:
    assert [line.split(":")[0] for line in notified.warnings] == ["notification_emails"]
    notified.api.post("/byok", {"provider": "resend", "api_key": GOOD_KEY}, expect=200)
    without = notified.call()["notification"]
    assert (without["status"], without["reason"]) == ("not_sent", "no_domain")
    made = notified.api.post("/domains", {"domain_name": DOMAIN})["domain"]
    resend.domains[made["resend_domain_id"]]["status"] = "verified"  # by its DNS records; the platform is not told
    call = notified.call()
    assert call["notification"]["status"] == "sent"
    mails = [mail for mail in resend.emails if DOMAIN in mail["from"]]
    assert [mail["id"] for mail in mails] == [call["notification"]["email_id"]]
    [mail] = mails
    assert (mail["from"], mail["to"]) == (f"Riverside <notifications@{DOMAIN}>", [DESK, BOSS])
    assert mail["subject"].startswith("Call report: Desk <b>, outbound, ")
    for told in (call["id"], DESTINATION, "no capacity"):
        assert told in mail["text"]
        assert told in mail["html"]
    assert "Desk &lt;b&gt;" in mail["html"]
    assert notified.api.get("/domains")["domain"]["status"] == "verified"
