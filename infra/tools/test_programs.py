"""Installs the programs some tests drive, where that is possible: as root on a machine with apt.

Elsewhere those tests say what is missing and are skipped, unless REQUIRE_ALL=1, where a skip fails.
"""

import os
import shutil
import subprocess
import sys
from ctypes.util import find_library

PROGRAMS = {"sipp": "sip-tester", "baresip": "baresip-core"}
"""Program -> Debian package: two phones that were not written here."""
LIBRARIES = {"gomp": "libgomp1"}
"""Shared library -> Debian package: what the wheel of xllamacpp is linked to and does not bring."""


def main() -> int:
    """Always 0 unless REQUIRE_ALL=1 and something is missing."""
    missing = _missing()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(sorted(missing))
        missing = _missing()
    if missing:
        sys.stdout.write(f"not installed: {', '.join(sorted(missing))}; the tests that need them are skipped\n")
    return 1 if missing and os.environ.get("REQUIRE_ALL") == "1" else 0


def _missing() -> set[str]:
    programs = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    return programs | {package for library, package in LIBRARIES.items() if find_library(library) is None}


def _install(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment, capture_output=True)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    subprocess.run(command, check=False, env=environment, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
