"""Templates as they are deployed, synthesised once for all tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.embedded.assembly import synthesize

Resource = dict[str, Any]


@dataclass(frozen=True)
class Templates:
    """The stacks of one stage by their last name (`data`, `api`, ...)."""

    folder: Path
    stacks: dict[str, dict[str, Any]]

    def of_type(self, kind: str, stack: str | None = None) -> dict[str, Resource]:
        """Resources of a type by logical id, of one stack or of all."""
        chosen = [self.stacks[stack]] if stack else [*self.stacks.values()]
        return {
            name: resource
            for template in chosen
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    def asset_of(self, resource: Resource) -> Path:
        """The folder a function's code or a layer's content is zipped from."""
        key = (resource["Properties"].get("Code") or resource["Properties"]["Content"])["S3Key"]
        return self.folder / f"asset.{key.removesuffix('.zip')}"

    def everything(self) -> Iterator[tuple[str, str, Resource]]:
        """Stack, logical id and resource of everything."""
        for stack, template in self.stacks.items():
            for name, resource in template["Resources"].items():
                yield stack, name, resource


def _load(stage: str) -> Templates:
    folder = synthesize(stage)
    stacks = {
        path.name.removesuffix(".template.json").rsplit("-", 1)[1]: json.loads(path.read_text())
        for path in folder.glob("*.template.json")
    }
    return Templates(folder, stacks)


@pytest.fixture(scope="session")
def embedded() -> Templates:
    """The stage that `make up` deploys."""
    return _load("embedded")


@pytest.fixture(scope="session")
def dev() -> Templates:
    """The stage that `make deploy` deploys: another processor and interpreter, SnapStart, an image built from here."""
    return _load("dev")
