"""THE table: one row per Lambda function. Adding an API resource is one folder under `functions/` and one row here."""

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """What a function is granted; each also brings the environment variables that name it."""

    TABLE = "table"
    ENCRYPTION = "encryption"
    SIGNING_SECRET = "signing_secret"  # noqa: S105 - a name
    CONTROL_SECRET = "control_secret"  # noqa: S105 - a name
    PLATFORM_KEYS = "platform_keys"
    ORGANIZATION_KEYS = "organization_keys"
    ORGANIZATION_KEYS_WRITE = "organization_keys_write"
    RECORDINGS_READ = "recordings_read"
    RECORDINGS_FINISH = "recordings_finish"
    RECORDINGS_DELETE = "recordings_delete"
    IMPORTS_OFFER = "imports_offer"
    IMPORTS_WORK = "imports_work"
    IMPORT_QUEUE = "import_queue"
    API_URL = "api_url"
    NODE_GATEWAY = "node_gateway"
    RUN_CAMPAIGN = "run_campaign"
    BUS = "bus"
    DELIVERY_QUEUE = "delivery_queue"
    DELIVERY_DEAD_LETTERS = "delivery_dead_letters"
    NOTIFICATION_QUEUE = "notification_queue"
    NOTIFICATION_DEAD_LETTERS = "notification_dead_letters"
    FAILED_RECORDS = "failed_records"


ROUTED = frozenset({Need.TABLE, Need.SIGNING_SECRET})
"""What `sovereign.http` itself uses: keys, rate counters and idempotency records, whose bodies are signed."""


@dataclass(frozen=True)
class ApiResource:
    """A function behind the HTTP API: `paths` are below `/api/v1/`, each with everything under it."""

    name: str
    paths: tuple[str, ...]
    needs: frozenset[Need] = ROUTED
    memory_mb: int = 1024


@dataclass(frozen=True)
class Worker:
    """A function started by events: `timeout_seconds` bounds one invocation."""

    name: str
    needs: frozenset[Need]
    timeout_seconds: int
    memory_mb: int = 512


API_RESOURCES: tuple[ApiResource, ...] = (
    ApiResource("health", ("health",)),
    ApiResource("openapi", ("openapi.json",), memory_mb=512),
    ApiResource("organizations", ("organizations", "account"), needs=ROUTED | {Need.ENCRYPTION}),
    ApiResource("api_keys", ("api-keys",)),
    ApiResource("assistants", ("assistants", "agents"), needs=ROUTED | {Need.ENCRYPTION}),
    ApiResource("tool_templates", ("tool-templates",)),
    ApiResource("analysis_templates", ("analysis-templates",)),
    ApiResource("numbers", ("numbers",)),
    ApiResource("sip_trunks", ("sip-trunks",), needs=ROUTED | {Need.ENCRYPTION}),
    ApiResource("workflows", ("workflows",), needs=ROUTED | {Need.ENCRYPTION}),
    ApiResource("mcp_servers", ("mcp-servers",), needs=ROUTED | {Need.ENCRYPTION}),
    ApiResource("campaigns", ("campaigns",), needs=ROUTED | {Need.IMPORTS_OFFER}),
    ApiResource("domains", ("domains",), needs=ROUTED | {Need.ORGANIZATION_KEYS, Need.PLATFORM_KEYS}),
    ApiResource("voices", ("voices",)),
    ApiResource(
        "calls",
        ("calls",),
        needs=ROUTED | {Need.ENCRYPTION, Need.NODE_GATEWAY, Need.RECORDINGS_READ, Need.API_URL},
    ),
    ApiResource("usage", ("usage",)),
    ApiResource("byok", ("byok",), needs=ROUTED | {Need.ORGANIZATION_KEYS, Need.ORGANIZATION_KEYS_WRITE}),
    ApiResource("do_not_call", ("do-not-call",)),
    ApiResource(
        "webhook_deliveries",
        ("webhook-deliveries",),
        needs=ROUTED | {Need.DELIVERY_QUEUE},
    ),
)

FALLBACK_RESOURCE = "health"
"""Answers every path no row claims, in the API's own error shape."""

ON_TABLE_CHANGE = Worker(
    "on_table_change",
    frozenset(
        {
            Need.TABLE,
            Need.ENCRYPTION,
            Need.BUS,
            Need.DELIVERY_QUEUE,
            Need.NOTIFICATION_QUEUE,
            Need.FAILED_RECORDS,
        }
    ),
    timeout_seconds=50,
)
DELIVER_WEBHOOK = Worker(
    "deliver_webhook",
    frozenset(
        {
            Need.TABLE,
            Need.ENCRYPTION,
            Need.DELIVERY_QUEUE,
            Need.DELIVERY_DEAD_LETTERS,
            Need.SIGNING_SECRET,
            Need.API_URL,
        }
    ),
    timeout_seconds=60,
)
SEND_NOTIFICATION = Worker(
    "send_notification",
    frozenset(
        {
            Need.TABLE,
            Need.ENCRYPTION,
            Need.ORGANIZATION_KEYS,
            Need.PLATFORM_KEYS,
            Need.NOTIFICATION_QUEUE,
            Need.NOTIFICATION_DEAD_LETTERS,
            Need.SIGNING_SECRET,
            Need.API_URL,
        }
    ),
    timeout_seconds=60,
)
AFTER_CALL_TASKS = Worker(
    "after_call_tasks",
    frozenset({Need.TABLE, Need.ENCRYPTION, Need.PLATFORM_KEYS, Need.ORGANIZATION_KEYS, Need.RECORDINGS_FINISH}),
    timeout_seconds=120,
)
APPLY_RETENTION = Worker(
    "apply_retention",
    frozenset({Need.TABLE, Need.RECORDINGS_DELETE}),
    timeout_seconds=900,
)
REAP_LOST_CALLS = Worker("reap_lost_calls", frozenset({Need.TABLE}), timeout_seconds=50)
CAMPAIGN_TASKS = Worker(
    "campaign_tasks",
    frozenset({Need.TABLE, Need.ENCRYPTION, Need.NODE_GATEWAY, Need.RUN_CAMPAIGN}),
    timeout_seconds=90,
)
"""A turn of a campaign paces for 50 s, and then waits for the answers of calls it handed over."""
IMPORT_LEADS = Worker(
    "import_leads",
    frozenset({Need.TABLE, Need.IMPORTS_WORK, Need.IMPORT_QUEUE}),
    timeout_seconds=300,
    memory_mb=1769,
)
"""Works on one import for up to four minutes, and leaves the rest to its next invocation. It checks numbers most of the
time: with so much memory it has a whole processor."""
NODE_GATEWAY = Worker("node_gateway", frozenset({Need.TABLE, Need.CONTROL_SECRET}), timeout_seconds=20)

WORKERS: tuple[Worker, ...] = (
    ON_TABLE_CHANGE,
    DELIVER_WEBHOOK,
    SEND_NOTIFICATION,
    AFTER_CALL_TASKS,
    APPLY_RETENTION,
    REAP_LOST_CALLS,
    CAMPAIGN_TASKS,
    IMPORT_LEADS,
    NODE_GATEWAY,
)
