"""Phone numbers."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from functions.numbers.schemas import NumberCreate, NumberPatch
from sovereign.http import CallerDep, TableDep
from sovereign.numbers import NumberStore

router = APIRouter(prefix="/numbers", tags=["numbers"])


async def _store(table: TableDep) -> NumberStore:
    return NumberStore(table)


StoreDep = Annotated[NumberStore, Depends(_store)]


@router.get("", summary="List numbers")
def list_numbers(caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """All numbers, newest first."""
    numbers = store.list(caller.org_id)
    names = store.names(numbers)
    return {"numbers": [number.public(names[number.id]) for number in numbers]}


@router.post("", status_code=201, summary="Register a number")
def create_number(body: NumberCreate, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """The number is pending until a call to it arrives through the organization's trunk."""
    number, names = store.create(caller.org_id, body)
    return {"number": number.public(names)}


@router.get("/{number_id}", summary="Get a number")
def get_number(number_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """One number."""
    number = store.get(caller.org_id, number_id)
    return {"number": number.public(store.names([number])[number.id])}


@router.patch("/{number_id}", summary="Change a number")
def update_number(number_id: str, body: NumberPatch, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """Only the members that are sent change."""
    number, names = store.update(
        caller.org_id,
        number_id,
        body.given(),
        accept=lambda stored, names: body.changes(stored.public(names)),
    )
    return {"number": number.public(names)}


@router.delete("/{number_id}", summary="Release a number")
def delete_number(number_id: str, caller: CallerDep, store: StoreDep) -> dict[str, Any]:
    """The number may be registered again at once."""
    store.delete(caller.org_id, number_id)
    return {"success": True}
