"""What Resend's answers mean (https://resend.com/docs/api-reference/errors)."""

from datetime import timedelta
from typing import Any

import pytest

from sovereign.notifications import NotificationReason
from sovereign.notifications.resend import Answer, Refused, Sent, TryAgain, meaning_of

WAIT = timedelta(seconds=3)


@pytest.mark.parametrize(
    ("status", "name", "meaning"),
    [
        (429, "rate_limit_exceeded", TryAgain(NotificationReason.RATE_LIMITED, WAIT)),
        (429, "daily_quota_exceeded", TryAgain(NotificationReason.QUOTA_EXCEEDED, WAIT)),
        (429, "monthly_quota_exceeded", TryAgain(NotificationReason.QUOTA_EXCEEDED, WAIT)),
        (500, "internal_server_error", TryAgain(NotificationReason.RESEND_UNAVAILABLE, WAIT)),
        (503, "", TryAgain(NotificationReason.RESEND_UNAVAILABLE, WAIT)),
        (408, "", TryAgain(NotificationReason.RESEND_UNAVAILABLE, WAIT)),
        (409, "concurrent_idempotent_requests", TryAgain(NotificationReason.RESEND_UNAVAILABLE, WAIT)),
        (409, "invalid_idempotent_request", Refused(NotificationReason.OUTCOME_UNKNOWN, 409)),
        (401, "missing_api_key", Refused(NotificationReason.KEY_REFUSED, 401)),
        (401, "", Refused(NotificationReason.KEY_REFUSED, 401)),
        (403, "invalid_api_Key", Refused(NotificationReason.KEY_REFUSED, 403)),
        (403, "validation_error", Refused(NotificationReason.REFUSED_BY_RESEND, 403)),
        (422, "missing_required_field", Refused(NotificationReason.REFUSED_BY_RESEND, 422)),
        (400, "validation_error", Refused(NotificationReason.REFUSED_BY_RESEND, 400)),
        (302, "", Refused(NotificationReason.REFUSED_BY_RESEND, 302)),
    ],
)
def test_refusal_is_final_or_worth_another_attempt(status: int, name: str, meaning: Answer) -> None:
    assert meaning_of(status, {"name": name}, WAIT) == meaning


@pytest.mark.parametrize(("answer", "email_id"), [({"id": "e-1"}, "e-1"), ({}, None), ({"id": 7}, None)])
def test_any_success_means_that_it_was_taken(answer: dict[str, Any], email_id: str | None) -> None:
    assert meaning_of(200, answer, None) == Sent(email_id)
