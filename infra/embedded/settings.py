"""Where an embedded platform lives and listens; everything can be moved, so that several run beside each other."""

from pathlib import Path

from pydantic import Field

from infra.embedded.progress import SetupError
from infra.paths import STATE
from sovereign.kernel.settings import ConfigurationError, Environment, read_environment

LOOPBACK = "127.0.0.1"


class EmbeddedSettings(Environment):
    """Read from variables of the same names in capitals, e.g. `SOVEREIGN_API_PORT`."""

    sovereign_home: Path = STATE
    sovereign_api_port: int = Field(default=8700, ge=1, le=65535)
    sovereign_emulator_port: int = Field(default=8701, ge=1, le=65535)
    sovereign_control_port: int = Field(default=8702, ge=1, le=65535)
    sovereign_sink_port: int = Field(default=8703, ge=1, le=65535)
    sovereign_sip_port: int = Field(default=5060, ge=1, le=65535)
    sovereign_rtp_ports: str = Field(default="20000-20999", pattern=r"^\d{4,5}-\d{4,5}$")
    sovereign_max_calls: int = Field(default=40, ge=1)
    sovereign_model_cache: Path = STATE / "models"

    @property
    def home(self) -> Path:
        """The folder of this platform's state, keys, logs and recordings."""
        return self.sovereign_home.resolve()

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.home / "logs"

    @property
    def emulator_url(self) -> str:
        """The AWS endpoint."""
        return f"http://{LOOPBACK}:{self.sovereign_emulator_port}"

    @property
    def api_url(self) -> str:
        """The address clients use, with the base path."""
        return f"http://{LOOPBACK}:{self.sovereign_api_port}/api/v1"

    @property
    def sink_url(self) -> str:
        """The webhook sink."""
        return f"http://{LOOPBACK}:{self.sovereign_sink_port}"

    @property
    def local_file(self) -> Path:
        """What tests and people read: addresses and keys."""
        return self.home / "local.json"


def embedded_settings() -> EmbeddedSettings:
    """The settings of this process's environment. Raises SetupError naming each variable that is wrong."""
    try:
        settings: EmbeddedSettings = read_environment(EmbeddedSettings)
    except ConfigurationError as wrong:
        raise SetupError(str(wrong)) from None
    return settings
