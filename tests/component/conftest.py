"""What makes hundreds of tests with a cloud in moto affordable."""

import copy
from functools import cache
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models as dynamodb_models
from moto.dynamodb.models.table import Table
from moto.kms import models as kms_models

# moto makes an RSA key pair (60 ms) for every KMS key, also for the symmetric ones all of ours are: one pair will do
kms_models.generate_private_key = cache(kms_models.generate_private_key)

_backups: dict[int, Any] = {}
_transact = dynamodb_models.DynamoDBBackend.transact_write_items


def _transact_with_one_backup(backend: Any, items: list[Any]) -> None:
    _backups.clear()
    _transact(backend, items)


def _copied(value: Any) -> Any:
    if not isinstance(value, Table):
        return copy.deepcopy(value)
    if id(value) not in _backups:
        _backups[id(value)] = copy.deepcopy(value)
    return _backups[id(value)]


# moto backs a table up once for each item of a transaction, before the first is written: once a transaction will do
dynamodb_models.DynamoDBBackend.transact_write_items = _transact_with_one_backup
dynamodb_models.copy = SimpleNamespace(deepcopy=_copied, copy=copy.copy)
