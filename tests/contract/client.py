"""An HTTP client that checks on every answer what the contract promises of every answer."""

from types import TracebackType
from typing import Any, Self

import httpx

UNAVAILABLE_IS_EXPECTED = "/calls/"
"""Nobody answers calls here, so dialling and control may say 503, and nothing else may."""
_GATEWAY_LIMIT = 10 * 1024 * 1024


class Api:
    """One key's view of the platform; paths are below `/api/v1`."""

    def __init__(self, url: str, *, key: str | None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.key = key
        self.http = httpx.Client(
            base_url=url, headers=headers, timeout=35, trust_env=False, event_hooks={"response": [check_any_answer]}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.http.close()

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any request."""
        return self.http.request(method, path, **request)

    def get(self, path: str, expect: int = 200, **parameters: Any) -> Any:
        """A read; the parsed body."""
        return expected(self.http.get(path, params=parameters), expect)

    def post(self, path: str, body: Any, expect: int = 201, **headers: str) -> Any:
        """A create or an act; the parsed body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return expected(self.http.post(path, json=body, headers=named), expect)

    def patch(self, path: str, body: Any, expect: int = 200) -> Any:
        """A change; the parsed body."""
        return expected(self.http.patch(path, json=body), expect)

    def delete(self, path: str, expect: int = 200) -> Any:
        """A removal; the parsed body."""
        return expected(self.http.delete(path), expect)


def expected(answer: httpx.Response, status: int) -> Any:
    """The parsed body of an answer that has this status."""
    assert answer.status_code == status, f"{answer.request.method} {answer.request.url}: {answer.text[:500]}"
    return answer.json()


def check_any_answer(answer: httpx.Response) -> None:
    """No defect, JSON, rate headers, and the one error shape."""
    answer.read()
    where = f"{answer.request.method} {answer.request.url.path} -> {answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 500:
        assert answer.status_code == 503, where
        assert UNAVAILABLE_IS_EXPECTED in answer.request.url.path, where
        assert "retry-after" in answer.headers, where
    assert answer.headers["content-type"].split(";")[0] == "application/json", where
    body = answer.json()
    if int(answer.request.headers.get("content-length", "0")) <= _GATEWAY_LIMIT:  # beyond it only the gateway answers
        for header in ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"):
            assert answer.headers[header].isdecimal(), where
        assert answer.headers["x-request-id"], where
    if answer.status_code >= 400:
        assert isinstance(body["error"], str), where
        assert body["code"].replace("_", "").isalnum(), where
        assert body["code"].islower(), where
        assert body.keys() <= _ERROR_MEMBERS | {"warnings", "call_id", "limit", "request_id"}, where


_ERROR_MEMBERS = {"error", "message", "details", "code", "retry_after"}


def named_in(body: dict[str, Any]) -> set[str]:
    """The paths that an error's details name."""
    return {detail.split(":")[0] for detail in body.get("details", [])}
