"""What each operation asks of the table, for every operation there is: at most two requests to read, three to write."""

import json
from collections.abc import Iterator

import pytest

from infra.tools.openapi import DOCUMENT
from tests.component.requests.routes import Case, cases
from tests.component.requests.scene import Scene, furnished

CASES = [*cases()]
READ, WRITE = 2, 3
FRAME, FRAME_WITH_KEY = 2, 4
"""The key's read and the count against its limit, and two more for an idempotency key."""


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with furnished() as made:
        yield made


def test_every_operation_of_the_document_is_counted() -> None:
    paths = json.loads(DOCUMENT.read_text())["paths"]
    documented = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert {case.operation for case in CASES} == documented


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operation_costs_no_more_than_its_budget(scene: Scene, case: Case) -> None:
    path, body = case.request(scene)
    status, seen = scene.counted(case.method, path, body, **case.headers)
    assert status == case.status, (path, body)
    assert seen.own <= (READ if case.method == "GET" else WRITE), seen.operations
    if case.method == "GET":
        assert seen.stale == [], "what was written just before is not seen"
    assert seen.frames <= (FRAME_WITH_KEY if case.headers else FRAME), seen.operations
