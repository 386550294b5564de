"""Bodies of the BYOK routes."""

from pydantic import ConfigDict

from sovereign.byok import KeySettings
from sovereign.byok.model import ApiKey, Slot
from sovereign.http import RequestModel


class KeyBody(RequestModel):
    """A key to store; one that is there already is replaced."""

    provider: Slot
    api_key: ApiKey


class SlotBody(RequestModel):
    """Whose key is removed."""

    provider: Slot


class KeySettingsBody(RequestModel, KeySettings):
    """Settings to merge into a provider's; a null clears one."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case


class ConfigBody(RequestModel):
    """Settings of a provider's key. `api_key` comes along when the address moves to another host."""

    provider: Slot
    config: KeySettingsBody
    api_key: ApiKey | None = None
