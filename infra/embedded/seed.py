"""The first organization, its keys, and the Riverside Dental receptionist on a number: made once, found again later."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from infra.embedded.cloud import aws_environment, cloud_client
from infra.embedded.local_file import LocalPlatform, read_local, write_local
from infra.embedded.progress import SetupError
from infra.embedded.services import base_environment
from infra.embedded.settings import LOOPBACK, EmbeddedSettings
from infra.paths import REPOSITORY
from sovereign.kernel.ids import new_secret

ORGANIZATION = "Demonstration"
NUMBER = "+12025550142"
"""A number set aside for fiction: nobody is called by accident."""
TRUNK = {
    "name": "Loopback",
    "provider": "custom",
    "address": f"{LOOPBACK}:5070",
    "inbound_addresses": [f"{LOOPBACK}/32", "::1/128"],
}
_ASSISTANT = Path(__file__).with_name("riverside_dental.json")


class Seeder:
    """Fills an empty platform. `outputs` are those of the deployed stacks."""

    def __init__(self, settings: EmbeddedSettings, outputs: dict[str, str]) -> None:
        self._settings = settings
        self._outputs = outputs

    def seed(self) -> LocalPlatform:
        """What is there already when its key still works, else a new organization with everything."""
        known = read_local(self._settings.local_file)
        if known and self._works(known):
            return self._moved(known)
        made = self._organization()
        with self._client(made["api_key"]) as client:
            made |= self._resources(client, made["organization_id"])
        platform = LocalPlatform(**made, **self._addresses())
        write_local(self._settings.local_file, platform)
        return platform

    def _addresses(self) -> dict[str, str]:
        settings = self._settings
        return {
            "api_url": settings.api_url,
            "sip_uri": f"sip:{NUMBER}@{LOOPBACK}:{settings.sovereign_sip_port}",
            "webhook_sink_url": settings.sink_url,
            "aws_endpoint_url": settings.emulator_url,
        }

    def _client(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self._settings.api_url, headers=headers, timeout=30, trust_env=False)

    def _works(self, known: LocalPlatform) -> bool:
        with self._client(known.api_key) as client:
            return client.get(f"/assistants/{known.assistant_id}").status_code == 200

    def _moved(self, known: LocalPlatform) -> LocalPlatform:
        """The same platform on other ports: the assistant is told where the sink is now."""
        moved = known.model_copy(update=self._addresses())
        if moved != known:
            body = self._assistant(known.webhook_secret)
            with self._client(known.api_key) as client:
                self._done(client.patch(f"/assistants/{known.assistant_id}", json=body))
            write_local(self._settings.local_file, moved)
        return moved

    def _organization(self) -> dict[str, str]:
        """Made by the operator's own command, as on AWS."""
        made = self._operator(
            "admin", "create-organization", "--name", ORGANIZATION, "--billing-mode", "unlimited",
            "--unlimited-rate-key",
        )  # fmt: skip
        return {
            "organization_id": str(made["org_id"]),
            "api_key": str(made["api_key"]),
            "load_api_key": str(made["load_api_key"]),
        }

    def _resources(self, client: httpx.Client, organization: str) -> dict[str, str]:
        secret = "whsec_" + new_secret()  # the prefix is part of the platform's form of a webhook secret
        assistant = self._done(client.post("/assistants", json=self._assistant(secret)))
        trunk = self._done(client.post("/sip-trunks", json=TRUNK))
        reception = {"phone_number": NUMBER, "name": "Reception"}
        answer = client.post(
            "/numbers", json={**reception, "agent_id": assistant["id"], "transfer_trunk_id": trunk["id"]}
        )
        if answer.status_code == httpx.codes.CONFLICT:  # an earlier organization has it, and only the file knew its key
            raise SetupError(
                f"{self._settings.local_file} is missing or damaged, but its platform's data is there: put the file "
                f"back, or run `make down` and remove {self._settings.home}/aws to begin anew"
            )
        number = self._done(answer)
        self._operator("numbers", "verify", "--org", organization, "--number", NUMBER)
        return {
            "webhook_secret": secret,
            "assistant_id": str(assistant["id"]),
            "trunk_id": str(trunk["id"]),
            "number_id": str(number["id"]),
        }

    def _assistant(self, secret: str) -> dict[str, Any]:
        text = _ASSISTANT.read_text(encoding="utf-8").replace("{webhook_sink_url}", self._settings.sink_url)
        body: dict[str, Any] = json.loads(text)
        return {**body, "webhook_secret": secret}

    @staticmethod
    def _done(answer: httpx.Response) -> dict[str, Any]:
        """The object an answer holds, under its own name or bare. Raises SetupError for a refusal."""
        if not answer.is_success:
            raise SetupError(
                f"{answer.request.method} {answer.request.url.path} said {answer.status_code}: {answer.text}"
            )
        body: dict[str, Any] = answer.json()
        inner = [value for value in body.values() if isinstance(value, dict) and "id" in value]
        return body if "id" in body else inner[0]

    def _operator(self, *arguments: str) -> dict[str, Any]:
        """Run `sovereign` with the platform's own settings; returns what it printed."""
        command = [sys.executable, "-m", "sovereign.cli", *arguments]
        environment = base_environment() | aws_environment(self._settings.emulator_url) | self._function_environment()
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=REPOSITORY)
        if result.returncode:
            last = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise SetupError(f"`sovereign {' '.join(arguments[:2])}` failed: {last[:300]}")
        printed: dict[str, Any] = json.loads(result.stdout or "{}")
        return printed

    def _function_environment(self) -> dict[str, str]:
        """The variables of a deployed function that may do what the operator does."""
        functions = cloud_client("lambda", self._settings.emulator_url)
        given = functions.get_function_configuration(FunctionName="sovereign-embedded-organizations")
        return dict(given["Environment"]["Variables"])
