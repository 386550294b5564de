from tests.component.calls.conftest import calls, clock, table

__all__ = ["calls", "clock", "table"]
