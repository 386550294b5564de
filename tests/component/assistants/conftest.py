"""The shared fixtures of this area."""

from tests.component.assistants.fixtures import api, cipher, cloud, requests_made, table

__all__ = ["api", "cipher", "cloud", "requests_made", "table"]
