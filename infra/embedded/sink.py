"""A customer's webhook endpoint for the demonstration: `python -m infra.embedded.sink <port> <state folder>`.

`POST /events` keeps what it got, `POST /tools/book_appointment` also books; `GET /events` and `GET /tools` list them,
oldest first (`?since=<n>` skips the first n). Everything is also in `<state folder>/sink.jsonl`.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from infra.embedded.settings import LOOPBACK
from sovereign.kernel.clock import to_wire, utc_now

_MAX_BODY_BYTES = 4 * 1024 * 1024
_JOURNAL = web.AppKey("journal", Path)
_RECEIVED = web.AppKey("received", list[dict[str, Any]])


def create_sink(home: Path) -> web.Application:
    """The application; `home` is where what arrives is kept, readable by its owner only."""
    application = web.Application(client_max_size=_MAX_BODY_BYTES)
    journal = home / "sink.jsonl"
    home.mkdir(parents=True, exist_ok=True)
    application[_JOURNAL] = journal
    application[_RECEIVED] = _read(journal)
    application.router.add_post("/events", _take_event)
    application.router.add_post("/tools/{tool}", _take_tool_call)
    application.router.add_get("/events", _list)
    application.router.add_get("/tools", _list)
    application.router.add_get("/health", _health)
    return application


def _read(journal: Path) -> list[dict[str, Any]]:
    if not journal.exists():
        return []
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


async def _take_event(request: web.Request) -> web.Response:
    body = await _keep(request)
    kind = _message(body).get("type")
    # an assistant-request answered with {} keeps the assistant of the number
    return web.json_response({} if kind == "assistant-request" else {"received": True})


async def _take_tool_call(request: web.Request) -> web.Response:
    body = await _keep(request)
    calls = _tool_calls(body)
    results = [{"tool_call_id": identifier, "result": _book(arguments)} for identifier, arguments in calls]
    return web.json_response({"results": results})


def _message(body: Any) -> dict[str, Any]:
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, dict) else {}


def _tool_calls(body: Any) -> list[tuple[str, dict[str, Any]]]:
    """Id and arguments of each call in a tool-calls body."""
    calls = _message(body).get("tool_call_list") or []
    return [(str(call["id"]), call["function"]["arguments"]) for call in calls]


def _book(arguments: dict[str, Any]) -> str:
    """What the practice's calendar would say."""
    when = " at ".join(str(arguments[name]) for name in ("day", "time") if arguments.get(name))
    name = f" for {arguments['name']}" if arguments.get("name") else ""
    return f"The appointment{name} is booked{' on ' + when if when else ''}."


async def _keep(request: web.Request) -> Any:
    """Append what arrived; raises a 400 for a body that is not JSON."""
    raw = await request.text()
    try:
        body = json.loads(raw)
    except json.JSONDecodeError:
        raise web.HTTPBadRequest(text="the body is not JSON") from None
    entry = {
        "received_at": to_wire(utc_now()),
        "path": request.path,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "raw": raw,
        "body": body,
    }
    request.app[_RECEIVED].append(entry)
    _append(request.app[_JOURNAL], json.dumps(entry))
    return body


def _append(journal: Path, line: str) -> None:
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(line + "\n")


async def _list(request: web.Request) -> web.Response:
    since = request.query.get("since", "0")
    if not since.isdigit():
        raise web.HTTPBadRequest(text="since must be a whole number")
    kept = [entry for entry in request.app[_RECEIVED] if entry["path"].startswith(request.path)]
    return web.json_response({"received": kept[int(since) :], "total": len(kept)})


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _serve(port: int, home: Path) -> None:
    runner = web.AppRunner(create_sink(home), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
