"""ONNX models as this process runs them: on one thread each, without spinning, so that calls share the cores."""

from pathlib import Path
from typing import Any

import onnxruntime


class ModelMissingError(RuntimeError):
    """A model file is not in the cache."""


def open_session(path: Path) -> Any:
    """Load a model. Raises ModelMissingError naming the file when it has not been prepared."""
    if not path.is_file():
        raise ModelMissingError(f"{path} is missing: prepare the models with `python -m infra.embedded.models`")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
