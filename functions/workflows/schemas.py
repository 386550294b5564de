"""Bodies of the workflow routes."""

from typing import ClassVar

from pydantic import ConfigDict

from sovereign.http import RequestModel
from sovereign.workflows import WorkflowChanges, WorkflowSettings


class WorkflowCreate(RequestModel, WorkflowSettings):
    """A new workflow: `name` and `definition` are required."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case


class WorkflowPatch(RequestModel, WorkflowChanges):
    """Members to change; a definition replaces the stored one whole."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    read_only: ClassVar[frozenset[str]] = frozenset(
        {"id", "entry_node", "node_count", "edge_count", "created_at", "updated_at"}
    )
