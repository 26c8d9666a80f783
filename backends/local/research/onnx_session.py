"""Sessions of ONNX Runtime, on the processor, that leave the other processes theirs."""

import logging
from pathlib import Path
from typing import Any

from backends.local.research.engines import require_engine
from pipeline.errors import Unavailable

log = logging.getLogger(__name__)

SLOW = ("SkipLayerNormFusion",)
"""What its optimizer must not do: this fused operator takes four times as long as the two that it stands for (onnxruntime 1.32)."""


def open_session(path: Path, *, threads: int | None) -> Any:
    """A session over a model file. threads: while it runs; None leaves it to ONNX Runtime, which takes one for each core.

    Raises Unavailable if ONNX Runtime is not installed or cannot read the file.
    """
    library = require_engine("onnxruntime")
    options = library.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait make two processes on one core slower than one after the other.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return library.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(SLOW)
        )
    except Exception as error:  # its exceptions share no base of their own
        log.warning("ONNX Runtime could not load %s", path, exc_info=True)
        raise Unavailable(
            f"The converted model {path} cannot be loaded. Delete its folder, so that it is converted anew, or set RAGLASS_ENGINE=torch."
        ) from error
