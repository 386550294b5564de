"""A campaign: its members, how its status moves, and the exact counts of its leads."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from sovereign.campaigns.schedule import Days, TimeOfDay, Zone
from sovereign.campaigns.window import Window
from sovereign.catalog.base import Strict
from sovereign.catalog.tools import UUID_RULE
from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import ConflictError, InvalidRequestError, NotFoundError
from sovereign.kernel.references import Reference

KIND = "CAMPAIGN"

Status = Literal["draft", "scheduled", "paused", "completed", "cancelled"]
LeadStatus = Literal["pending", "calling", "completed", "failed", "skipped"]

OPEN: tuple[Status, ...] = ("draft", "scheduled", "paused")
"""The statuses in which a campaign and its leads may be changed."""

Id = Annotated[str, Field(pattern=UUID_RULE), AfterValidator(str.lower)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
_EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


class CampaignNotFoundError(NotFoundError):
    """The organization has no such campaign."""

    def __init__(self) -> None:
        super().__init__("No such campaign.")


class CampaignClosedError(ConflictError):
    """A completed or cancelled campaign refuses change (409)."""

    def __init__(self, status: str) -> None:
        super().__init__(f"The campaign is {status} and cannot be changed any more.")


class RetryRule(Strict):
    """Whether a kind of attempt is made again, and after how long; null: after the general `delay_minutes`."""

    retry: bool = True
    delay_minutes: int | None = Field(default=None, ge=1, le=10_080)


def _not_again() -> RetryRule:
    return RetryRule(retry=False)


class Retry(Strict):
    """How often a lead is tried, and how long after an attempt without an answer the next one comes.

    `max_attempts_per_day` bounds how often a number is rung on one of its days, by all campaigns of the organization.
    """

    max_attempts: int = Field(default=1, ge=1, le=5)
    delay_minutes: int = Field(default=60, ge=1, le=10_080)
    busy: RetryRule = Field(default_factory=RetryRule)
    no_answer: RetryRule = Field(default_factory=RetryRule)
    failed: RetryRule = Field(default_factory=RetryRule)
    voicemail: RetryRule = Field(default_factory=_not_again)
    max_attempts_per_day: int = Field(default=3, ge=1, le=10)

    def rule(self, outcome: str) -> RetryRule | None:
        """The rule of an outcome, None for one that is never tried again."""
        rules = {"busy": self.busy, "no_answer": self.no_answer, "failed": self.failed, "voicemail": self.voicemail}
        return rules.get(outcome)


class CampaignOptions(Strict):
    """The members with a default. Without `number_id` any outbound-capable number of the organization calls."""

    system_message_template: Annotated[str, Field(max_length=20_000)] | None = None
    schedule_days: Days = Field(default_factory=lambda: list(_EVERY_DAY))
    max_concurrency: int = Field(default=5, ge=1, le=100)
    calls_per_second: float = Field(default=1, ge=0.1, le=10)
    retry: Retry = Field(default_factory=Retry)
    number_id: Id | None = None


class CampaignSettings(CampaignOptions):
    """The writable members but the status. A start after the end makes a window over midnight."""

    name: Name
    agent_id: Id
    schedule_start_time: TimeOfDay
    schedule_end_time: TimeOfDay
    timezone: Zone

    @property
    def window(self) -> Window:
        """When leads may be rung, on the wall clock of their zones."""
        return Window.of(self.schedule_start_time, self.schedule_end_time, self.schedule_days)


class CampaignChanges(CampaignOptions):
    """A change: only the members that were sent count."""

    name: Name = Field(default_factory=str)
    agent_id: Id = Field(default_factory=str)
    schedule_start_time: TimeOfDay = Field(default_factory=str)
    schedule_end_time: TimeOfDay = Field(default_factory=str)
    timezone: Zone = Field(default_factory=str)
    status: Status = "draft"


@dataclass(frozen=True)
class LeadCounts:
    """How many leads are in each status."""

    pending: int = 0
    calling: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        """All leads."""
        return self.pending + self.calling + self.completed + self.failed + self.skipped


@dataclass(frozen=True)
class Run:
    """What the engine keeps on a campaign. `generation` rises with each execution that may dial for it: an older one
    finds that it is not its turn. `next_call_ms` paces it; `started_at` is when it was first started. `dialled` counts
    the calls since, `minute_dialled` those of the Unix `minute`, `last_minute_dialled` those of the one before; `hold`
    is why nothing can be dialled at all for the moment. `due_at` is the mark by which the sweep finds it: whoever adds
    leads or changes it sets it to that moment, so one that was seen and is still there means that nobody did. Of the
    execution that looks after it: `attended_until` is when it is taken for dead, `attended_version` the campaign's
    version as it knows it, `wakes_at` until when it waits, None while it works. `added_at` is when leads were last
    added, None before the first."""

    generation: int = 0
    next_call_ms: int | None = None
    started_at: datetime | None = None
    dialled: int = 0
    minute: int = 0
    minute_dialled: int = 0
    last_minute_dialled: int = 0
    hold: str | None = None
    due_at: str | None = None
    attended_until: str | None = None
    attended_version: int | None = None
    wakes_at: str | None = None
    added_at: str | None = None


@dataclass(frozen=True)
class Campaign:
    """A saved campaign. `zones` are those of its pending leads, "" for the campaign's own. `last_lead_number` gave out
    so many numbers; `stored_counts` is what the leads' items say. `claims_ahead`: numbers were claimed before their
    leads were stored, so a claim without a lead may be left."""

    id: str
    org_id: str
    settings: CampaignSettings
    status: Status
    stored_counts: LeadCounts
    last_lead_number: int
    version: int
    created_at: datetime
    updated_at: datetime
    zones: frozenset[str] = frozenset()
    run: Run = field(default_factory=Run)
    claims_ahead: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it may be changed."""
        return self.status in OPEN

    @property
    def counts(self) -> LeadCounts:
        """The leads by status. What a cancelled campaign never came to is skipped: it cannot be called any more."""
        stored = self.stored_counts
        if self.status != "cancelled":
            return stored
        skipped = stored.skipped + stored.pending
        return LeadCounts(0, stored.calling, stored.completed, stored.failed, skipped)

    @property
    def references(self) -> list[Reference]:
        """The resources it uses."""
        return references_of(self.settings)

    def public(self) -> dict[str, Any]:
        """As responses show it, both spellings of the assistant's id."""
        counts = self.counts
        return {
            "id": self.id,
            **self.settings.model_dump(),
            "assistant_id": self.settings.agent_id,
            "status": self.status,
            "total_leads": counts.total,
            "pending_leads": counts.pending,
            "calling_leads": counts.calling,
            "completed_leads": counts.completed,
            "failed_leads": counts.failed,
            "skipped_leads": counts.skipped,
            "created_at": to_wire(self.created_at),
            "updated_at": to_wire(self.updated_at),
        }


def references_of(settings: CampaignSettings) -> list[Reference]:
    """The resources a campaign's members name; each is checked in the organization when it is written."""
    used = [Reference("ASSISTANT", settings.agent_id, "agent_id")]
    return used if settings.number_id is None else [*used, Reference("NUMBER", settings.number_id, "number_id")]


def check_window(settings: CampaignSettings) -> CampaignSettings:
    """Return the settings unchanged. Raises InvalidRequestError for a window of no length: nobody would be called."""
    if settings.schedule_start_time == settings.schedule_end_time:
        raise InvalidRequestError(details=["schedule_end_time: must differ from schedule_start_time"])
    return settings


def moved_status(current: Status, wanted: Status) -> Status:
    """The status after a client asks for `wanted`. Raises InvalidRequestError for the one only the platform sets."""
    if wanted == "completed" != current:
        raise InvalidRequestError(details=["status: completed is set by the platform"])
    return wanted
