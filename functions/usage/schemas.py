"""Usage on the wire."""

from typing import Any

from sovereign.kernel.clock import to_wire
from sovereign.usage.model import UsageLog, UsageSummary

__all__ = ["log_view", "summary_view"]


def log_view(log: UsageLog) -> dict[str, Any]:
    """A booked row; `phone_number` is the organization's own number."""
    return {
        "id": log.id,
        "call_id": log.call_id,
        "duration_sec": log.duration_sec,
        "call_type": log.call_type,
        "phone_number": log.phone_number,
        "agent_name": log.agent_name,
        "assistant_name": log.agent_name,
        "business_name": log.business_name,
        "byok_stt": "stt" in log.byok,
        "byok_llm": "llm" in log.byok,
        "byok_tts": "tts" in log.byok,
        "created_at": to_wire(log.created_at),
    }


def summary_view(summary: UsageSummary) -> dict[str, Any]:
    """Sums over the whole filter; minutes are the seconds' share, with two decimals at most."""
    minutes = round(summary.total_seconds / 60, 2)
    return {
        "total_calls": summary.total_calls,
        "total_duration_seconds": summary.total_seconds,
        "total_duration_minutes": int(minutes) if minutes == int(minutes) else minutes,
    }
