"""What comes through the queue: S3's word that something was uploaded, or our own to go on."""

import json

from pydantic import BaseModel, ConfigDict

from sovereign.lead_imports.files import ImportKey


class GoOn(BaseModel):
    """Our own message: ids only."""

    model_config = ConfigDict(extra="forbid")

    org_id: str
    campaign_id: str
    import_id: str


def message_of(key: ImportKey) -> str:
    """The message that makes somebody go on with an import."""
    return GoOn.model_validate(key._asdict()).model_dump_json()


def import_of(body: str) -> ImportKey | None:
    """The import a message is about; None for an object that is nobody's upload. Raises for what is no message."""
    message = json.loads(body)
    if message.get("source") == "aws.s3":
        return ImportKey.of_upload(message["detail"]["object"]["key"])
    return ImportKey(**GoOn.model_validate(message).model_dump())
