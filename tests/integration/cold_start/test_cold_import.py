"""What a function must not load before its first answer: each of these costs a cold start tens of milliseconds."""

import json
import os
import subprocess
import sys

import pytest

NOT_NEEDED = {
    *("httpx", "httpx2", "cryptography", "phonenumbers", "jsonschema", "openai", "aws_xray_sdk"),
    *("numpy", "pydantic.v1", "sovereign.kernel.egress_transport", "sovereign.completion"),
}
ANSWER = """
import importlib, json, sys
handler = importlib.import_module(sys.argv[1]).handler
event = {
    "version": "2.0", "routeKey": "$default", "rawPath": "/api/v1/nothing", "rawQueryString": "",
    "headers": {"host": "api.example"}, "isBase64Encoded": False,
    "requestContext": {"requestId": "1", "stage": "$default", "http": {
        "method": "GET", "path": "/api/v1/nothing", "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}},
}
status = handler(event, None)["statusCode"]
json.dump({"status": status, "modules": [name for name, module in sys.modules.items() if module]}, sys.stderr)
"""


@pytest.mark.parametrize("function", ["health", "organizations", "api_keys", "assistants", "calls", "numbers"])
def test_first_answer_loads_only_what_it_needs(function: str) -> None:
    environment = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TABLE_NAME": "sovereign",
        "NODE_GATEWAY_FUNCTION": "node_gateway",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": function,
    }
    command = [sys.executable, "-c", ANSWER, f"functions.{function}.handler"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    answer = json.loads(done.stderr)
    assert answer["status"] == 404
    assert NOT_NEEDED & set(answer["modules"]) == set()


def test_models_are_built_on_first_use_in_a_lambda_function_only() -> None:
    program = "import functions, pydantic, sys; sys.stderr.write(str(pydantic.BaseModel.model_config))"
    for given, config in ({"AWS_LAMBDA_FUNCTION_NAME": "calls"}, "{'defer_build': True}"), ({}, "{}"):
        environment = {"PYTHONPATH": os.pathsep.join(sys.path), **given}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == config
