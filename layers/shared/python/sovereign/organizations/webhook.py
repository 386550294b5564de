"""The account webhook's secret: encrypted when it is stored, masked when shown, the old one kept for a rotation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sovereign.kernel.clock import to_wire
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.masking import is_mask, mask_secret
from sovereign.organizations.model import SECRET_RESOURCE, Organization


def with_stored_secret(
    organization: Organization, changes: Mapping[str, Any], cipher: Cipher, now: datetime
) -> dict[str, Any]:
    """The changes with `webhook_secret` in its stored form; the mask or the same secret sent back changes nothing.
    InvalidRequestError for another secret's mask."""
    stored = dict(changes)
    if "webhook_secret" not in stored:
        return stored
    secret = stored.pop("webhook_secret")
    if secret == organization.webhook_secret_mask or _is_stored(secret, organization, cipher):
        return stored
    if is_mask(secret):
        details = ["webhook_secret: is a mask, but not that of the stored secret"]
        raise InvalidRequestError("The request is not valid; see details.", details=details)
    token = None if secret is None else cipher.encrypt(secret, org_id=organization.id, resource=SECRET_RESOURCE)
    return stored | {
        "webhook_secret": token,
        "webhook_secret_mask": mask_secret(secret),
        "webhook_secret_changed_at": to_wire(now),
        "previous_webhook_secret": organization.webhook_secret if token else None,
    }


def _is_stored(secret: str | None, organization: Organization, cipher: Cipher) -> bool:
    token = organization.webhook_secret
    if token is None or mask_secret(secret) != organization.webhook_secret_mask:
        return False
    return secret == cipher.decrypt(token, org_id=organization.id, resource=SECRET_RESOURCE)
