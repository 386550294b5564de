"""Moonshine base-en on onnxruntime: English speech to text, one utterance at a time."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

SAMPLE_RATE = 16_000
# From the published model: decoder layers' shape, special tokens, and the most tokens a second of speech can take.
_HEADS, _HEAD_SIZE = 8, 52
_START, _STOP = 1, 2
_TOKENS_PER_SECOND = 6.5
_RAW_BYTE = re.compile(rb"<0x([0-9A-Fa-f]{2})>")
_SPECIAL = {b"<s>", b"</s>", b"<unk>", b"<pad>"}

Audio = npt.NDArray[np.float32]
"""Samples in -1..1, one dimension."""


class Moonshine:
    """The model, loaded once per process; `transcribe` may run in several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._encoder = _session(folder / "encoder_model.onnx")
        self._decoder = _session(folder / "decoder_model_merged.onnx")
        self._tokens = read_tokens((folder / "tokenizer.bin").read_bytes())
        self._cache_names = [i.name for i in self._decoder.get_inputs() if i.name.startswith("past_key_values")]
        self._output_names = [o.name for o in self._decoder.get_outputs()]

    def transcribe(self, audio: Audio) -> str:
        """The words in 16 kHz audio of at most about 15 s; blocks about 0.07 s per second of audio."""
        hidden = self._encoder.run(None, {"input_values": audio[None].astype(np.float32)})[0]
        return self._decode_text(self._decode(hidden, limit=int(len(audio) / SAMPLE_RATE * _TOKENS_PER_SECOND) + 2))

    def _decode(self, hidden: npt.NDArray[np.float32], limit: int) -> list[int]:
        cache = {name: np.zeros((1, _HEADS, 0, _HEAD_SIZE), np.float32) for name in self._cache_names}
        token, said = _START, list[int]()
        for step in range(limit):
            inputs: dict[str, Any] = {
                "input_ids": np.array([[token]], np.int64),
                "encoder_hidden_states": hidden,
                "use_cache_branch": np.array([step > 0]),
                **cache,
            }
            outputs = dict(zip(self._output_names, self._decoder.run(None, inputs), strict=True))
            token = int(outputs["logits"][0, -1].argmax())
            if token == _STOP:
                break
            said.append(token)
            for name in self._cache_names:
                # what the decoder knows of the audio is computed in the first step and stays
                if step == 0 or ".decoder." in name:
                    cache[name] = outputs[name.replace("past_key_values", "present")]
        return said

    def _decode_text(self, tokens: list[int]) -> str:
        raw = bytearray()
        for token in tokens:
            piece = self._tokens[token]
            if match := _RAW_BYTE.fullmatch(piece):
                raw.append(int(match[1], 16))
            elif piece not in _SPECIAL:
                raw += piece
        return raw.decode("utf-8", "replace").replace("\u2581", " ").strip()


def read_tokens(raw: bytes) -> list[bytes]:
    """The vocabulary: (length, bytes) repeated; a length of 128 or more takes a second byte."""
    tokens, at = list[bytes](), 0
    while at < len(raw):
        length = raw[at]
        at += 1
        if length >= 128:
            length = raw[at] * 128 + length - 128
            at += 1
        tokens.append(raw[at : at + length])
        at += length
    return tokens


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # a spinning thread would take a core from the calls
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
