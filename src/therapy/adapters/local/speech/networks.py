"""The small networks that tell voices apart: verified, and run by onnxruntime on one core.

Their weights are in `models/` with a notice. The SHA-256 of each is checked when it is loaded, so that a file
that was damaged or exchanged is refused and not believed.
"""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from therapy.domain.errors import EngineFailed

Floats = NDArray[np.float32]

SHA256 = {
    "campplus-fp16.onnx": "a83f5470fbfdd5b5e7781c71f6af085bd07102f3ee4952c4125361cb67ae0593",
    "seg3-fp16.onnx": "88e6fa44a92a9cf982fdffd353b0d0397c3170df69048eebec9697a25ffedc4c",
}
MODELS = files("therapy.adapters.local") / "models"
REINSTALL = "reinstall therapy"


class Network:
    """A network with one input and one output; `run` may be called from several threads at once."""

    def __init__(self, name: str) -> None:
        from onnxruntime import (  # type: ignore[import-untyped] # it ships no types
            InferenceSession,
            SessionOptions,
        )

        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # what it needs for one run it gives back
        options.log_severity_level = 4
        self._session = InferenceSession(
            verified(MODELS / name, SHA256.get(name, "")),
            sess_options=options,
            providers=["CPUExecutionProvider"],
        )
        self._input = self._session.get_inputs()[0].name

    def run(self, values: Floats) -> Floats:
        """Return the output for a batch of inputs."""
        found: Any = self._session.run(None, {self._input: values})[0]
        return np.asarray(found, dtype=np.float32)


def verified(file: Traversable, sha256: str) -> bytes:
    """Return the bytes of a file; EngineFailed if it is missing or has another SHA-256."""
    try:
        content = file.read_bytes()
    except OSError:
        raise _broken(file.name) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _broken(file.name)
    return content


def _broken(name: str) -> EngineFailed:
    return EngineFailed("model", transient=False, model=name, advice=REINSTALL)
