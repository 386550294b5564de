"""Workflows: conversations as a graph of nodes. Kept and checked here; calls follow them in the container."""

from sovereign.workflows.definition import AnyDefinition, Definition
from sovereign.workflows.model import Workflow, WorkflowChanges, WorkflowNotFoundError, WorkflowSettings
from sovereign.workflows.store import SavedWorkflow, WorkflowStore

__all__ = [
    "AnyDefinition",
    "Definition",
    "SavedWorkflow",
    "Workflow",
    "WorkflowChanges",
    "WorkflowNotFoundError",
    "WorkflowSettings",
    "WorkflowStore",
]
