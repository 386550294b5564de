"""Debian's baresip as the second phone: it plays a recording into the call and records what it hears."""

import subprocess
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.conftest import free_media_port, free_ports
from tests.e2e.sipp import RATE, speech

_MODULES = Path("/usr/lib/baresip/modules")
# its own address is pinned, or it would offer the machine's outer one for media
_CONFIG = """net_interface 127.0.0.1
sip_listen 127.0.0.1:{sip}
audio_source aufile,{audio}
audio_player aubridge,ear
audio_alert aubridge,ear
rtp_ports {rtp}-{last_rtp}
snd_path {folder}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
"""


def call(folder: Path, target: str, number: str, *parts: float | str, seconds: float) -> npt.NDArray[np.int16]:
    """Call `target` (a SIP URI) over TCP, say `parts`, and hang up after `seconds`; returns what was heard, 8 kHz."""
    folder.mkdir(parents=True, exist_ok=True)
    (sip,), rtp = free_ports(1), free_media_port()
    audio = folder / "caller.wav"
    with wave.open(str(audio), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(speech(*parts, seconds).tobytes())
    config = _CONFIG.format(sip=sip, audio=audio, rtp=rtp, last_rtp=rtp + 10, folder=folder, modules=_MODULES)
    (folder / "config").write_text(config)
    (folder / "accounts").write_text(f"<sip:{number}@127.0.0.1:{sip};transport=tcp>;regint=0\n")
    (folder / "contacts").write_text("")
    command = ["baresip", "-f", str(folder), "-t", str(int(seconds)), "-e", f"/dial {target}"]
    with (folder / "baresip.log").open("wb") as log:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=seconds + 10, check=False)
    return _heard(folder)


def _heard(folder: Path) -> npt.NDArray[np.int16]:
    recordings = sorted(folder.glob("dump-*-dec.wav"))
    assert recordings, (folder / "baresip.log").read_text(errors="replace")[-3000:]
    with wave.open(str(recordings[0])) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)
