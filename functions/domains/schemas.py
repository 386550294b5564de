"""Bodies of the domain routes."""

from pydantic import ConfigDict

from sovereign.domains.model import NewDomain, Selection
from sovereign.http import RequestModel


class DomainCreate(RequestModel, NewDomain):
    """The domain to send from."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case


class DomainSelection(RequestModel, Selection):
    """The domain of the Resend account to send from."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case
