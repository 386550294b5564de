"""What the work is made of."""

from functools import cache

from functions.import_leads.messages import message_of
from sovereign.kernel import aws
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.lead_imports.files import ImportFiles, ImportKey
from sovereign.lead_imports.importer import Importer
from sovereign.lead_imports.store import ImportStore


class ImportsEnvironment(Environment):
    """TABLE_NAME, IMPORTS_BUCKET, IMPORT_QUEUE_URL."""

    table_name: str
    imports_bucket: str
    import_queue_url: str


@cache
def importer() -> Importer:
    """Works one import off."""
    return Importer(_table(), ImportFiles(read_environment(ImportsEnvironment).imports_bucket))


def sweep() -> int:
    """Queue every import nobody looked after in time; how many there were."""
    overdue = list(ImportStore(_table()).overdue())
    for key in overdue:
        queue(key)
    return len(overdue)


def queue(key: ImportKey) -> None:
    """Have an import gone on with, by another invocation."""
    url = read_environment(ImportsEnvironment).import_queue_url
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=message_of(key))


@cache
def _table() -> Table:
    return Table(read_environment(ImportsEnvironment).table_name)
