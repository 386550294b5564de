"""The peer's own virtual environment: pipecat and what it needs, from its lock file, made when missing."""

import subprocess
import sys
from collections.abc import Callable

from bench.density import PEER_PYTHON
from infra.assets import digest_of
from infra.paths import REPOSITORY

_REQUIREMENTS = REPOSITORY / "requirements" / "bench-peer.txt"


def prepare(tell: Callable[[str], None]) -> None:
    """Install the peer unless this lock file's content is installed already. Raises CalledProcessError."""
    venv = PEER_PYTHON.parents[1]
    marker, wanted = venv / "content", digest_of([_REQUIREMENTS], sys.version)
    if PEER_PYTHON.exists() and marker.exists() and marker.read_text(encoding="utf-8") == wanted:
        return
    tell("installing the peer (pipecat) into its own environment")
    _uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(venv))
    _uv("pip", "sync", "--quiet", "--require-hashes", "--python", str(PEER_PYTHON), str(_REQUIREMENTS))
    marker.write_text(wanted, encoding="utf-8")


def _uv(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", *arguments], check=True, cwd=REPOSITORY)
