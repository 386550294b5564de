"""News from the bus: an outbound call ended, a campaign was started."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sovereign.calls.events import CALL_ENDED
from sovereign.campaigns.attendance import Attendance
from sovereign.campaigns.facts import RESUMED, STARTED
from sovereign.campaigns.lead_moves import LeadMoves
from sovereign.kernel.observe import logger

_log = logger()


def hear(records: Sequence[Mapping[str, Any]], moves: LeadMoves, attendance: Attendance) -> dict[str, Any]:
    """Act on each message; those that failed come again, and news that is late or old changes nothing."""
    failed = []
    for record in records:
        try:
            _act(json.loads(record["body"]), moves, attendance)
        except Exception:  # noqa: BLE001 - the queue brings it again, and puts it aside after five times
            _log.exception("news_not_taken", message_id=record.get("messageId"))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _act(event: Mapping[str, Any], moves: LeadMoves, attendance: Attendance) -> None:
    detail = event["detail"]
    if event["detail-type"] == CALL_ENDED:
        moves.call_ended(detail["org_id"], detail["call_id"])
    elif event["detail-type"] in (STARTED, RESUMED):
        attendance.see_to(detail["org_id"], detail["campaign_id"])
