"""A function's first answer in a fresh interpreter: from before its first import, without the time on the wire."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable

from bench.embedded import BenchPlatform
from bench.table import Row
from infra.paths import REPOSITORY
from infra.resources import API_RESOURCES

REPEATS = 5
_ANSWER = """
import time
began = time.perf_counter()
import importlib, json, sys
module, path, key = sys.argv[1:]
handler = importlib.import_module(module).handler
from botocore.httpsession import URLLib3Session
wire, send = 0.0, URLLib3Session.send
def timed(session, request):
    global wire
    sent = time.perf_counter()
    try:
        return send(session, request)
    finally:
        wire += time.perf_counter() - sent
URLLib3Session.send = timed
path = f"/api/v1/{path}"
event = {
    "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
    "headers": {"host": "api.example", "authorization": f"Bearer {key}"}, "isBase64Encoded": False,
    "requestContext": {"requestId": "1", "stage": "$default", "http": {
        "method": "GET", "path": path, "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}},
}
status = handler(event, None)["statusCode"]
print(json.dumps([status, (time.perf_counter() - began - wire) * 1000]))
"""


def first_answer_ms(platform: BenchPlatform, module: str, path: str) -> float:
    """Median of several fresh interpreters, in milliseconds."""
    return statistics.median(_once(platform, module, path) for _ in range(REPEATS))


def _once(platform: BenchPlatform, module: str, path: str) -> float:
    environment = platform.environment | {"AWS_LAMBDA_FUNCTION_NAME": path}
    command = [sys.executable, "-c", _ANSWER, module, path, platform.local.load_api_key]
    ran = subprocess.run(command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    status, milliseconds = json.loads(ran.stdout.strip().splitlines()[-1])
    if status != 200:
        raise RuntimeError(f"GET /{path} said {status}")
    return float(milliseconds)


def run(platform: BenchPlatform, tell: Callable[[str], None]) -> list[Row]:
    """The rows of this file."""
    found = {}
    for resource in API_RESOURCES:
        found[resource.name] = first_answer_ms(platform, f"functions.{resource.name}.handler", resource.paths[0])
        tell(f"  {resource.name:24}{found[resource.name]:8.0f} ms to its first answer")
    frameworks = first_answer_ms(platform, "bench.peer_function", "health")
    tell(f"  {'the frameworks alone':24}{frameworks:8.0f} ms to its first answer")
    worst = max(found, key=lambda name: found[name])
    note = f"median of {REPEATS}, worst function: {worst}; peer: the same frameworks with one route"
    return [Row("cold_import_ms", found[worst], peer=frameworks, note=note)]
