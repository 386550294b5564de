"""A number of the platform whose calls go to a phone of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import free_ports
from tests.e2e import scenarios, sipp
from tests.e2e.phones import Phone, calling, waiting
from tests.e2e.stage import Json, Stage

DESTINATION = "+12025550199"


@dataclass(frozen=True)
class Line:
    """A verified number whose trunk a test points at its own phone."""

    stage: Stage
    number: Json

    @contextmanager
    def phone(self, scenario: str, folder: Path) -> Iterator[Phone]:
        """A phone at the other end of the trunk."""
        (port,) = free_ports(1)
        trunk = {"name": f"Phone {port}", "provider": "custom", "address": f"127.0.0.1:{port}"}
        made = self.stage.make("/sip-trunks", "trunk", trunk)
        self.stage.change(f"/numbers/{self.number['id']}", {"transfer_trunk_id": made["id"]})
        with waiting(scenario, folder, port=port) as phone:
            yield phone

    def order(self, **members: object) -> Json:
        """The body of an order to call."""
        body = {"destination": DESTINATION, "assistant_id": self.stage.local.assistant_id}
        return {**body, "number_id": self.number["id"], **members}

    def dial(self, **members: object) -> str:
        """Order a call; returns its id."""
        answer = self.stage.api.post("/calls/outbound", json=self.order(**members))
        assert answer.status_code == 200, answer.text
        placed: Json = answer.json()
        assert placed["success"] is True
        assert placed["status"] == "dialing"
        call_id: str = placed["call_id"]
        return call_id


def verified_line(stage: Stage, folder: Path) -> Line:
    """Its number is verified the way a customer's is: by a call to it through the organization's own trunk."""
    number = stage.number(assistant=stage.local.assistant_id)
    scenario = scenarios.caller(sipp.timeline(folder), seconds=0.2, we_hang_up=True)
    with calling(stage, scenario, folder, service=number["phone_number"]) as phone:
        assert phone.process.wait(20) == 0
        stage.over(stage.call_of(phone.number)["id"])
    return Line(stage, number)
