"""The two endpoints ECS gives a task, against stand-ins that answer as they do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from media import ecs
from media.ecs import EcsTaskProtection, ProtectionRefusedError, UnknownAddressError, locate, private_address
from media.settings import HostPort, MediaEnvironment

TASK = "arn:aws:ecs:eu-west-1:111122223333:task/cluster/0123"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a stand-in that answers every request with a handler; its address."""
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("/api/0123-456"))

    yield start
    for server in servers:
        await server.close()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecs, "_METADATA_PAUSES_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(ecs, "_REQUEST_TIMEOUT", ecs.aiohttp.ClientTimeout(total=0.2))


def answering(status: int, body: Any) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)

    return handler


async def never(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response()


async def test_protection_is_put_as_the_agent_expects_it(serve: Serve) -> None:
    seen: list[tuple[str, str, Any]] = []

    async def agent(request: web.Request) -> web.StreamResponse:
        seen.append((request.method, request.path, await request.json()))
        protection = {"ExpirationDate": "2026-11-22T12:05:00Z", "ProtectionEnabled": True, "TaskArn": TASK}
        return web.json_response({"protection": protection})

    await EcsTaskProtection(await serve(agent)).protect(5)
    wanted = {"ProtectionEnabled": True, "ExpiresInMinutes": 5}
    assert seen == [("PUT", "/api/0123-456/task-protection/v1/state", wanted)]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, {"failure": {"Arn": TASK, "Detail": None, "Reason": "TASK_NOT_VALID"}}, "TASK_NOT_VALID"),
        (400, {"requestID": "1", "error": {"Code": "AccessDeniedException", "Message": "…"}}, "AccessDeniedException"),
        (200, {"protection": {"ProtectionEnabled": False, "TaskArn": TASK}}, "not confirmed"),
        (500, "out of order", "JSONDecodeError"),
        (200, [], "not confirmed"),
    ],
)
async def test_anything_but_a_confirmation_is_a_refusal_with_its_reason(
    serve: Serve, status: int, body: Any, reason: str
) -> None:
    with pytest.raises(ProtectionRefusedError, match=reason):
        await EcsTaskProtection(await serve(answering(status, body))).protect(5)


async def test_agent_that_hangs_or_is_not_there_is_a_refusal(serve: Serve, unused_tcp_port: int) -> None:
    with pytest.raises(ProtectionRefusedError, match="Timeout"):
        await EcsTaskProtection(await serve(never)).protect(5)
    with pytest.raises(ProtectionRefusedError, match="ClientConnector"):
        await EcsTaskProtection(f"http://127.0.0.1:{unused_tcp_port}").protect(5)


async def test_address_is_the_first_of_the_task_and_asked_again_until_it_is_there(serve: Serve) -> None:
    asked: list[str] = []

    async def metadata(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if len(asked) == 1:
            return web.Response(status=503)
        addresses = [] if len(asked) == 2 else ["10.40.0.7"]
        return web.json_response({"Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": addresses}]})

    assert await private_address(await serve(metadata)) == "10.40.0.7"
    assert asked == ["/api/0123-456"] * 3


@pytest.mark.parametrize(
    "body",
    ["no json", {}, {"Networks": None}, {"Networks": [{"IPv4Addresses": ["0.0.0.0"]}]}, {"Networks": ["x"]}, []],
)
async def test_metadata_without_an_address_is_one_clear_line(serve: Serve, body: Any) -> None:
    with pytest.raises(UnknownAddressError, match="ECS_CONTAINER_METADATA_URI_V4"):
        await private_address(await serve(answering(200, body)))


async def test_process_on_ecs_listens_for_sip_on_the_task_and_advertises_it(serve: Serve) -> None:
    network = {"Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.40.0.7"]}]}
    environment = MediaEnvironment.model_validate(
        {
            **dict.fromkeys(("stage", "table_name", "kms_key_id", "secret_prefix", "control_secret_id"), "x"),
            "model_cache": "/models",
            "sip_listen": "0.0.0.0:5060",
            "sip_source_mode": "edge",
            "control_listen": "0.0.0.0:8443",
            "media_processes": "2",
            "ecs_container_metadata_uri_v4": await serve(answering(200, network)),
        }
    )
    second = (await locate(environment)).share(1)
    assert second.sip_listen == HostPort("10.40.0.7", 5062)
    assert second.sip_address == "10.40.0.7:5062"
    assert second.control_address == HostPort("10.40.0.7", 8444)
    assert second.control_listen == HostPort("0.0.0.0", 8444)


async def test_metadata_is_not_asked_for_when_every_address_is_given(serve: Serve) -> None:
    environment = MediaEnvironment.model_validate(
        {
            **dict.fromkeys(("stage", "table_name", "kms_key_id", "secret_prefix", "control_secret_id"), "x"),
            "model_cache": "/models",
            "ecs_container_metadata_uri_v4": await serve(answering(500, "down")),
        }
    )
    assert await locate(environment) is environment
