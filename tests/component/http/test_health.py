"""`/health`."""

import pytest
from starlette.testclient import TestClient

from functions.health.router import router
from sovereign.http import create_app
from sovereign.kernel.table import Table


def test_health_needs_no_key(table: Table) -> None:
    answer = TestClient(create_app(router)).get("/api/v1/health")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"status", "timestamp", "version", "checks"}
    assert body["status"] == body["checks"]["database"]["status"] == "ok"
    assert body["checks"]["database"]["latency_ms"] >= 0


def test_health_is_503_in_the_same_shape_when_the_table_is_gone(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    table._client.delete_table(TableName=table.name)
    answer = TestClient(create_app(router)).get("/api/v1/health")
    assert answer.status_code == 503
    assert set(answer.json()) == {"status", "timestamp", "version", "checks"}
    assert answer.json()["checks"]["database"]["status"] == "unavailable"
    assert answer.headers["retry-after"]


def test_other_paths_answer_404_in_the_error_shape(table: Table) -> None:
    answer = TestClient(create_app(router)).post("/anything/else", content=b"x" * 100)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
