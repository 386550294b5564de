"""What the HTTP frame reads from the environment, and the table a route works on."""

from typing import Annotated

from fastapi import Depends, Request

from sovereign.kernel.settings import Environment
from sovereign.kernel.table import Table


class HttpEnvironment(Environment):
    """TABLE_NAME, and the secret behind the HMACs of idempotency records."""

    table_name: str
    signing_secret_id: str | None = None


async def table_of(request: Request) -> Table:
    """The table of this stage."""
    table: Table = request.app.state.frame.table
    return table


TableDep = Annotated[Table, Depends(table_of)]
