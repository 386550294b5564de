"""Request bodies: strict, no unknown members, one spelling, PATCH."""

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sovereign.http import RequestModel, SafeUrl
from sovereign.http.errors import validation_error
from sovereign.kernel.errors import InvalidRequestError


class Inner(RequestModel):
    temperature: float = 0.7
    tools: list["Inner"] | None = None


class Outer(RequestModel):
    read_only: ClassVar[frozenset[str]] = frozenset({"created_at", "agent_name"})

    assistant_id: str | None = None
    name: str = "x"
    size: int | None = None
    llm_config: Inner | None = None
    url: SafeUrl | None = None


def details(model: type[RequestModel], body: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    return validation_error(refused.value.errors()).details


def test_each_problem_is_one_detail_with_its_path() -> None:
    body = {"llm_config": {"temperature": "hot", "tools": [{}, {"temprature": 1}]}, "size": True, "extra": 1}
    assert details(Outer, body) == [
        "size: Input should be a valid integer",
        "llm_config.temperature: Input should be a valid number",
        "llm_config.tools[1].temprature: Extra inputs are not permitted",
        "extra: Extra inputs are not permitted",
    ]


@pytest.mark.parametrize("wrong", ["5", 5.5, True, [], {}])
def test_integer_is_strict(wrong: Any) -> None:
    assert details(Outer, {"size": wrong})[0].startswith("size: ")


def test_missing_members_have_their_own_code() -> None:
    class Named(RequestModel):
        name: str

    with pytest.raises(ValidationError) as refused:
        Named.model_validate({})
    assert validation_error(refused.value.errors()).machine_code == "missing_field"


def test_deprecated_spelling_is_the_same_member() -> None:
    assert Outer.model_validate({"agent_id": "a"}).given() == {"assistant_id": "a"}
    assert Outer.model_validate({"agent_id": "a", "assistant_id": "a"}).given() == {"assistant_id": "a"}
    assert details(Outer, {"agent_id": "a", "assistant_id": "b"}) == [
        "body: agent_id and assistant_id are the same member and differ"
    ]


def test_only_sent_members_are_given_and_null_is_one() -> None:
    assert Outer.model_validate({"size": None, "llm_config": {"temperature": 1}}).given() == {
        "size": None,
        "llm_config": {"temperature": 1.0},
    }


def test_read_only_member_equal_to_the_stored_one_is_ignored() -> None:
    body = Outer.model_validate({"created_at": "t", "agent_name": None, "name": "new"})
    assert body.changes({"created_at": "t", "agent_name": None}) == {"name": "new"}


def test_read_only_member_that_differs_is_named() -> None:
    body = Outer.model_validate({"created_at": "other", "name": "new"})
    with pytest.raises(InvalidRequestError) as refused:
        body.changes({"created_at": "t", "agent_name": None})
    assert refused.value.details == ["created_at: is read-only and differs from the stored value"]


def test_private_url_is_refused_with_its_field() -> None:
    assert details(Outer, {"url": "http://10.0.0.1/"}) == ["url: the address is not a public one"]


@given(
    st.dictionaries(
        st.text(max_size=12) | st.sampled_from(["agent_id", "assistant_id", "size", "name"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers()),
    )
)
def test_any_object_is_either_valid_or_a_validation_error(body: dict[str, Any]) -> None:
    try:
        Outer.model_validate(body)
        problems = []
    except ValidationError as refused:
        problems = refused.errors()
    assert bool(problems) == bool(validation_error(problems).details)
