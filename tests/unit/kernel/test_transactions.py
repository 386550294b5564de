"""Which requests of a transaction DynamoDB takes for one."""

from types import SimpleNamespace
from typing import Any

import pytest

from sovereign.kernel import aws
from sovereign.kernel.table import Check, ConditionFailed, Ref, Table, present

WRITES = [Check(Ref("P", "S"), present)]


class CanceledError(Exception):
    def __init__(self, reason: str) -> None:
        self.response = {"CancellationReasons": [{"Code": reason}]}


class InProgressError(Exception):
    pass


class Coordinator:
    """Answers transactions with what is scripted, and notes their tokens."""

    exceptions = SimpleNamespace(
        TransactionCanceledException=CanceledError, TransactionInProgressException=InProgressError
    )

    def __init__(self, *answers: Exception | None) -> None:
        self.tokens: list[Any] = []
        self._answers = iter(answers)

    def transact_write_items(self, *, ClientRequestToken: str | None = None, **_: Any) -> None:  # noqa: N803 - boto3's
        """One request."""
        self.tokens.append(ClientRequestToken)
        if answer := next(self._answers):
            raise answer


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovereign.kernel.table.pause", lambda *_, **__: None)


def _table(monkeypatch: pytest.MonkeyPatch, coordinator: Coordinator) -> Table:
    monkeypatch.setattr(aws, "client", lambda _service: coordinator)
    return Table("t")


def test_transaction_in_progress_is_asked_for_under_its_own_token(monkeypatch: pytest.MonkeyPatch) -> None:
    coordinator = Coordinator(InProgressError(), InProgressError(), None)
    _table(monkeypatch, coordinator).transact(WRITES)
    assert len(coordinator.tokens) == 3
    assert len({*coordinator.tokens}) == 1
    assert coordinator.tokens[0]


def test_transaction_that_lost_a_conflict_is_tried_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    coordinator = Coordinator(CanceledError("TransactionConflict"), None)
    _table(monkeypatch, coordinator).transact(WRITES)
    assert len({*coordinator.tokens}) == 2


def test_each_transaction_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    coordinator = Coordinator(None, CanceledError("ConditionalCheckFailed"))
    table = _table(monkeypatch, coordinator)
    table.transact(WRITES)
    with pytest.raises(ConditionFailed):
        table.transact(WRITES)
    assert len({*coordinator.tokens}) == 2
