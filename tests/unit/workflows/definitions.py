"""Definitions to begin from."""

import copy
from typing import Any

RECEPTION: dict[str, Any] = {
    "version": 1,
    "entry_node": "reception",
    "global_prompt": "Be brief.",
    "nodes": [
        {
            "id": "reception",
            "type": "conversation",
            "instructions": "Find out what the caller wants.",
            "first_line": "Good morning.",
            "tools": [
                {"name": "look_up", "description": "Looks a caller up", "server": {"secret": "whsec_0123456789abcdef"}}
            ],
            "ui": {"x": 1.5, "y": -3},
        },
        {"id": "check", "type": "tool", "tool_name": "check_slot", "arguments": {"days": 7}},
        {"id": "desk", "type": "transfer", "destination": "+31850835037"},
        {"id": "goodbye", "type": "end", "first_line": "Goodbye."},
        {
            "id": "help",
            "type": "conversation",
            "instructions": "Explain.",
            "global": True,
            "global_description": "The caller is lost.",
            "llm_config": {"provider": "openai", "model": "gpt-5.4", "temperature": 0.2},
        },
    ],
    "edges": [
        {"from": "reception", "to": "check", "description": "The caller wants an appointment."},
        {"from": "check", "to": "goodbye"},
        {"from": "reception", "to": "desk", "description": "The caller asks for a person.", "message": "One moment."},
    ],
}


def reception() -> dict[str, Any]:
    return copy.deepcopy(RECEPTION)
