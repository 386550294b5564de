"""The table and the apps of this area's tests."""

from tests.component.http.app_fixtures import client_for, make_key, table

__all__ = ["client_for", "make_key", "table"]
