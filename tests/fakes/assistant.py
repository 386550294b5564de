"""The demonstration assistant as a call's model sees it."""

import json
from pathlib import Path
from typing import Any

from media.speech.interfaces import ToolSpec

RIVERSIDE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "infra" / "embedded" / "riverside_dental.json").read_text()
)


def instructions_of(assistant: dict[str, Any]) -> str:
    return str(assistant["llm_config"]["messages"][0]["content"])


def tools_of(assistant: dict[str, Any]) -> list[ToolSpec]:
    """The webhook tools as configured, and `end_call` as the platform offers it."""
    tools = [
        ToolSpec(tool["name"], tool["description"], tool["parameters"])
        for tool in assistant["llm_config"]["tools"]
        if "name" in tool
    ]
    return [*tools, ToolSpec("end_call", "End the call.")]


RIVERSIDE_TOOLS = tools_of(RIVERSIDE)
