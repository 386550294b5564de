"""The domain an organization's notification e-mail comes from, kept at Resend."""

from sovereign.domains.model import Domain, DomainNotFoundError, DomainNotVerifiedError, NoResendKeyError
from sovereign.domains.resend import ResendAccount, ResendEnvironment, ResendRefusedError
from sovereign.domains.service import DomainService
from sovereign.domains.store import DomainStore

__all__ = [
    "Domain",
    "DomainNotFoundError",
    "DomainNotVerifiedError",
    "DomainService",
    "DomainStore",
    "NoResendKeyError",
    "ResendAccount",
    "ResendEnvironment",
    "ResendRefusedError",
]
