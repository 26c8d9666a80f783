"""What was deployed and worked, kept in the bucket, so that it can be brought back. Holds no secret.

A release has its templates' text and parameters; the artifacts that these name stay in the bucket.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from pipeline.errors import StageFailed
from serving.deploy.artifacts import Bucket
from serving.deploy.parameters import Values
from serving.deploy.templates import Part, Template

PREFIX = "releases/"


@dataclass(frozen=True, slots=True)
class Release:
    """One deployment whose smoke question was answered."""

    release_id: str
    """Its time in UTC, which sorts: `20261125T101500Z`."""
    version: str
    """Of Raglass."""
    bodies: Mapping[str, str]
    """Template text by part."""
    values: Mapping[str, Values]
    """Parameters by part; None stands for a secret."""
    withdrawn: bool = False
    """Whether it was rolled back."""

    def template(self, part: Part) -> Template:
        """The template of a part as it was."""
        return Template(part, self.bodies[part])

    def same_as(self, other: "Release") -> bool:
        """Whether both deploy the same."""
        return self.bodies == other.bodies and self.values == other.values


class Releases:
    """The releases of one stack, newest last."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def all(self) -> list[Release]:
        """Every release. Raises StageFailed for a record that cannot be read."""
        return [self._read(key) for key in self._bucket.keys(PREFIX)]

    def add(self, version: str, bodies: Mapping[str, str], values: Mapping[str, Values]) -> Release:
        """Keep what works now, unless the newest that stands is just the same; returns the one that stands."""
        made = Release(datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ"), version, bodies, values)
        standing = self.standing()
        if standing and standing[-1].same_as(made):
            return standing[-1]
        self._write(made)
        return made

    def standing(self) -> list[Release]:
        """Releases that were not withdrawn."""
        return [release for release in self.all() if not release.withdrawn]

    def withdraw(self, release: Release) -> None:
        """Mark one as rolled back."""
        self._write(replace(release, withdrawn=True))

    def _read(self, key: str) -> Release:
        try:
            return Release(**json.loads(self._bucket.get(key)))
        except (ValueError, TypeError) as error:
            raise StageFailed(
                f"The release record s3://{self._bucket.name}/{key} cannot be read ({error}). Remove it; no other is touched."
            ) from error

    def _write(self, release: Release) -> None:
        self._bucket.put(f"{PREFIX}{release.release_id}.json", json.dumps(asdict(release), indent=1).encode())
