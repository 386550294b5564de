"""The domain an organization's notification e-mail comes from, kept at Resend."""

from sovereign.domains.model import Domain, DomainNotFoundError
from sovereign.domains.resend import ResendAccount
from sovereign.domains.service import DomainService
from sovereign.domains.store import DomainStore

__all__ = ["Domain", "DomainNotFoundError", "DomainService", "DomainStore", "ResendAccount"]
