"""Secrets Manager reads and their cache."""

import time

import pytest

from sovereign.kernel import aws
from sovereign.kernel.secrets import SecretMissingError, forget_secrets, read_secret, read_secret_members
from sovereign.kernel.table import Table


@pytest.fixture(autouse=True)
def _table(table: Table) -> None:
    """The mocked account."""


def _store(text: str) -> None:
    aws.client("secretsmanager").create_secret(Name="s", SecretString=text)


def test_secret_is_served_from_memory_until_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    _store("one")
    assert read_secret("s") == "one"
    aws.client("secretsmanager").put_secret_value(SecretId="s", SecretString="two")
    assert read_secret("s") == "one"
    now[0] += 301
    assert read_secret("s") == "two"


def test_forgetting_reads_anew() -> None:
    _store("one")
    read_secret("s")
    aws.client("secretsmanager").put_secret_value(SecretId="s", SecretString="two")
    forget_secrets()
    assert read_secret("s") == "two"


def test_absent_secret_is_named_in_the_error() -> None:
    with pytest.raises(SecretMissingError, match="nowhere"):
        read_secret("nowhere")


def test_members_are_the_strings_of_an_object() -> None:
    _store('{"openai": "sk", "count": 1}')
    assert read_secret_members("s") == {"openai": "sk"}


@pytest.mark.parametrize("text", ["no json", "[]", '"x"'])
def test_secret_of_another_form_is_refused_without_its_value(text: str) -> None:
    _store(text)
    with pytest.raises(SecretMissingError) as refused:
        read_secret_members("s")
    assert text not in str(refused.value)
