"""Routers become an app; an app becomes a Lambda handler."""

from collections.abc import Callable
from typing import Any, NoReturn

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from sovereign.http.admission import admit
from sovereign.http.exchange import ExchangeLayer
from sovereign.http.frame import Frame
from sovereign.kernel.clock import Clock, utc_now

BASE_PATH = "/api/v1"
"""What every path starts with."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def create_app(*routers: APIRouter, clock: Clock = utc_now) -> FastAPI:
    """The app that serves the routers under `/api/v1`, every route behind `admit`.

    A route is public only if it says so with `openapi_extra={"security": []}`.
    """
    app = FastAPI(
        title="Sovereign",
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        dependencies=[Depends(admit)],
    )
    app.state.frame = Frame(clock)
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _leave_to_exchange_layer)
    for router in routers:
        app.include_router(router, prefix=BASE_PATH)
    app.add_middleware(ExchangeLayer, frame=app.state.frame)
    return app


def lambda_handler(*routers: APIRouter) -> LambdaHandler:
    """The handler of a function behind the HTTP API."""
    from mangum import Mangum  # noqa: PLC0415 - tests and the generator of the contract need the app only

    return Mangum(create_app(*routers), lifespan="off")


def _leave_to_exchange_layer(request: Request, failure: Exception) -> NoReturn:
    """In place of the framework's own bodies; runs in the framework's task, so raising reaches our layer."""
    if isinstance(failure, HTTPException) and failure.status_code == 405:
        failure.headers = {"Allow": ", ".join(_allowed_methods(request))}
    raise failure


def _allowed_methods(request: Request) -> list[str]:
    """The methods of the request's path; the framework itself names those of one route only."""
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    routes: list[BaseRoute] = request.app.routes
    return [method for method, scope in scopes.items() if any(r.matches(scope)[0] is Match.FULL for r in routes)]
