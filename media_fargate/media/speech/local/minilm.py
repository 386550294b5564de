"""all-MiniLM-L6-v2 in numpy: sentences to unit vectors whose dot product says how alike they are in meaning."""

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file
from tokenizers import Tokenizer

DIMENSIONS = 384
_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12
_MAX_TOKENS = 128
_CACHED_SENTENCES = 4096

Matrix = npt.NDArray[np.float32]


class SentenceEncoder:
    """The model, loaded once per process; vectors of the last few thousand sentences are remembered. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._weights = {name: w.astype(np.float32) for name, w in load_file(folder / "model.safetensors").items()}
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._known: OrderedDict[str, Matrix] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, sentences: Sequence[str]) -> Matrix:
        """Unit vectors, shape [len(sentences), 384]; about 15 ms for each sentence not seen lately."""
        vectors = [self._vector(sentence) for sentence in sentences]
        return np.stack(vectors) if vectors else np.zeros((0, DIMENSIONS), np.float32)

    def _vector(self, sentence: str) -> Matrix:
        with self._lock:
            if sentence in self._known:
                self._known.move_to_end(sentence)
                return self._known[sentence]
        vector = self._embed(sentence)
        with self._lock:
            self._known[sentence] = vector
            while len(self._known) > _CACHED_SENTENCES:
                self._known.popitem(last=False)
        return vector

    def _embed(self, sentence: str) -> Matrix:
        ids = self._tokenizer.encode(sentence).ids
        table = "embeddings."
        hidden = self._normalise(
            self._weights[table + "word_embeddings.weight"][ids]
            + self._weights[table + "position_embeddings.weight"][: len(ids)]
            + self._weights[table + "token_type_embeddings.weight"][0],
            table + "LayerNorm",
        )
        for layer in range(_LAYERS):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        mean = hidden.mean(0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    def _layer(self, hidden: Matrix, name: str) -> Matrix:
        heads = (len(hidden), _HEADS, DIMENSIONS // _HEADS)
        query, key, value = (
            self._linear(hidden, f"{name}attention.self.{part}").reshape(heads).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(heads[2])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        context = (weights @ value).transpose(1, 0, 2).reshape(len(hidden), DIMENSIONS)
        attended = self._linear(context, name + "attention.output.dense")
        hidden = self._normalise(hidden + attended, name + "attention.output.LayerNorm")
        inner = _gelu(self._linear(hidden, name + "intermediate.dense"))
        return self._normalise(hidden + self._linear(inner, name + "output.dense"), name + "output.LayerNorm")

    def _linear(self, hidden: Matrix, name: str) -> Matrix:
        return np.asarray(hidden @ self._weights[name + ".weight"].T + self._weights[name + ".bias"], np.float32)

    def _normalise(self, hidden: Matrix, name: str) -> Matrix:
        spread = np.sqrt(hidden.var(-1, keepdims=True) + _EPSILON)
        unit = (hidden - hidden.mean(-1, keepdims=True)) / spread
        return np.asarray(unit * self._weights[name + ".weight"] + self._weights[name + ".bias"], np.float32)


def _gelu(x: Matrix) -> Matrix:
    return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), np.float32)
