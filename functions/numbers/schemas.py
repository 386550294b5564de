"""Bodies of the number routes."""

from typing import ClassVar

from pydantic import ConfigDict

from sovereign.http import RequestModel
from sovereign.numbers import NumberRouting, NumberSettings


class NumberCreate(RequestModel, NumberSettings):
    """A number to register: only `phone_number` is required."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case


class NumberPatch(RequestModel, NumberRouting):
    """Members to change; a null detaches."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    read_only: ClassVar[frozenset[str]] = frozenset(
        {
            "id",
            "phone_number",
            "agent_name",
            "assistant_name",
            "business_name",
            "transfer_trunk_name",
            "workflow_name",
            "source",
            "verification",
            "created_at",
            "updated_at",
        }
    )
