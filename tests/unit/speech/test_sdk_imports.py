"""What SDKs import lazily is imported with the adapter, in a thread, and not by a call on the event loop."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import importlib, sys
module, use = sys.argv[1:]
importlib.import_module(module)
before = set(sys.modules)
from openai import AsyncOpenAI
client = AsyncOpenAI(api_key="key")
for name in use.split("."):
    client = getattr(client, name)
print(sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("media.speech.llm.openai", "chat.completions"),
        ("media.speech.realtime.xai", "realtime"),
        ("media.speech.realtime.openai_live", "live"),
    ],
)
def test_using_the_openai_sdk_imports_nothing_more_than_its_adapter_did(module: str, use: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM, module, use]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"
