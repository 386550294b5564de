"""What routes depend on: only what asks something of AWS may cost a thread."""

from collections.abc import Iterator
from importlib import import_module
from inspect import iscoroutinefunction

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from infra.resources import API_RESOURCES, ApiResource
from sovereign.http.admission import admit


@pytest.mark.parametrize("row", API_RESOURCES, ids=lambda row: row.name)
def test_dependencies_that_ask_nothing_of_aws_take_no_thread(row: ApiResource) -> None:
    routes = import_module(f"functions.{row.name}.router").router.routes
    found = {call for route in routes if isinstance(route, APIRoute) for call in _calls(route.dependant)}
    assert [call for call in found - {admit} if not iscoroutinefunction(call)] == []


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
