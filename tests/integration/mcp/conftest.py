"""The shared fixtures of this area."""

from collections.abc import Iterator

import pytest

from tests.component.assistants.fixtures import api, cipher, cloud, requests_made, table
from tests.integration.mcp.servers import forget

__all__ = ["api", "cipher", "cloud", "loopback", "requests_made", "table"]


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch, cloud: None) -> Iterator[None]:
    """Loopback counts as public here, as on the embedded platform."""
    monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", "127.0.0.0/8")
    forget()
    yield
    forget()
