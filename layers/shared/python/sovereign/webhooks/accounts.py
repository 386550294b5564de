"""What deliveries read of other resources: account webhooks, assistants' present secrets, names of numbers."""

from sovereign.assistants import AssistantStore
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import NotFoundError
from sovereign.kernel.signing import SigningSecret
from sovereign.numbers.store import NumberStore
from sovereign.organizations.model import SECRET_RESOURCE, Organization
from sovereign.organizations.store import OrganizationStore
from sovereign.webhooks.subscriptions import signing_secret
from sovereign.webhooks.targets import WebhookSettings


class StoredAccountWebhooks:
    """Account webhooks as the organizations saved them."""

    def __init__(self, organizations: OrganizationStore, cipher: Cipher) -> None:
        self._organizations = organizations
        self._cipher = cipher

    def of(self, org_id: str) -> WebhookSettings | None:
        """The account webhook with its secret in the clear; None without a URL, or when the organization is gone."""
        try:
            organization = self._organizations.get(org_id)
        except NotFoundError:
            return None
        if organization.webhook_url is None:
            return None
        return WebhookSettings(organization.webhook_url, self._secret(organization), organization.webhook_events)

    def _secret(self, organization: Organization) -> SigningSecret | None:
        newest = self._decrypted(organization.id, organization.webhook_secret)
        if newest is None:
            return None
        previous = self._decrypted(organization.id, organization.previous_webhook_secret)
        return SigningSecret(newest, previous, organization.webhook_secret_changed_at)

    def _decrypted(self, org_id: str, token: str | None) -> str | None:
        return self._cipher.decrypt(token, org_id=org_id, resource=SECRET_RESOURCE) if token else None


class StoredAssistantSecrets:
    """Secrets of assistants as they are saved now."""

    def __init__(self, assistants: AssistantStore) -> None:
        self._assistants = assistants

    def of(self, org_id: str, assistant_id: str) -> SigningSecret | None:
        """The assistant's secret with the one it replaced; None when it has none or was deleted."""
        try:
            saved = self._assistants.get(org_id, assistant_id)
        except NotFoundError:
            return None
        return signing_secret(self._assistants.effective(saved))


class StoredNumberNames:
    """Names of numbers as the organizations gave them."""

    def __init__(self, numbers: NumberStore) -> None:
        self._numbers = numbers

    def name_of(self, org_id: str, number_id: str) -> str | None:
        """The number's name, None when it has none or was deleted."""
        try:
            return self._numbers.get(org_id, number_id).routing.name
        except NotFoundError:
            return None
