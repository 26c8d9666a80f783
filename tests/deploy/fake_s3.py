"""S3 as far as a deployment uses it, in memory, versioned as the stack's bucket is."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError


class FakeS3:
    """One bucket. `fail_after` bytes of an upload, the network is cut."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.old_versions: list[str] = []
        self.sent: list[str] = []
        self.fail_after: int | None = None

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        content, metadata = self.objects[Key]
        return {"ContentLength": len(content), "Metadata": metadata}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self._store(Key, Body, {})

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key][0])}

    def upload_file(
        self, name: str, bucket: str, key: str, ExtraArgs: dict[str, Any], Callback: Callable[[int], None]
    ) -> None:
        content = Path(name).read_bytes()
        if self.fail_after is not None:
            Callback(self.fail_after)
            raise ConnectionClosedError(endpoint_url="https://bucket")
        Callback(len(content))
        self._store(key, content, ExtraArgs["Metadata"])

    def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> None:
        for doomed in Delete["Objects"]:
            if doomed["VersionId"] == "old":
                self.old_versions.remove(doomed["Key"])
            else:
                del self.objects[doomed["Key"]]

    def get_paginator(self, operation: str) -> "FakeS3":
        self._listed = operation
        return self

    def paginate(self, Bucket: str, Prefix: str = "") -> Iterator[dict[str, Any]]:
        if self._listed == "list_objects_v2":
            yield {"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}
        elif self._listed == "list_object_versions":
            yield {"Versions": [{"Key": key, "VersionId": "new"} for key in list(self.objects)]}
            yield {"DeleteMarkers": [{"Key": key, "VersionId": "old"} for key in list(self.old_versions)]}
        else:
            yield {}

    def _store(self, key: str, content: bytes, metadata: dict[str, str]) -> None:
        if key in self.objects:
            self.old_versions.append(key)
        self.objects[key] = (content, metadata)
        self.sent.append(key)
