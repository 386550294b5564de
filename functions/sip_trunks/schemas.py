"""Bodies of the SIP trunk routes."""

from typing import ClassVar

from pydantic import ConfigDict

from sovereign.http import RequestModel
from sovereign.sip_trunks import TrunkSettings
from sovereign.sip_trunks.model import Password, TrunkChanges


class TrunkCreate(RequestModel, TrunkSettings):
    """A new trunk: `name`, `provider` and `address` are required; the password is never shown again."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    auth_password: Password | None = None

    def settings(self) -> TrunkSettings:
        """The members but the password."""
        return TrunkSettings.model_construct(**self.model_dump(exclude={"auth_password"}))


class TrunkPatch(RequestModel, TrunkChanges):
    """Members to change; a new `auth_password` replaces the stored one, null removes it."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    read_only: ClassVar[frozenset[str]] = frozenset({"id", "org_id", "created_at", "updated_at"})

    auth_password: Password | None = None
