"""What is known against packages: advisories in OSV's format, from a folder or ZIP of them, or asked of OSV over the network.

https://ossf.github.io/osv-schema/ says what an advisory holds.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from pipeline.errors import InputError, Unavailable
from serving.supply.locks import Package, normalized

ASK_URL = "https://api.osv.dev/v1/querybatch"
BATCH = 500
"""Packages that are asked for at once; OSV takes 1,000."""

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """An advisory that a package's version falls under."""

    package: Package
    advisory: str
    """Its id, for example `GHSA-…` or `PYSEC-…`."""


def search_database(packages: Iterable[Package], database: Path) -> list[Finding]:
    """Look the packages up in an export of OSV: a ZIP or a folder of JSON files.

    Raises InputError if it holds no advisory of Python packages.
    """
    known: dict[str, list[Mapping[str, Any]]] = {}
    for advisory in _advisories(database):
        for affected in advisory.get("affected", []):
            about = affected.get("package", {})
            if about.get("ecosystem") == "PyPI" and not advisory.get("withdrawn"):
                known.setdefault(normalized(about["name"]), []).append({"id": advisory["id"], **affected})
    if not known:
        raise InputError(f"{database} holds no advisory of Python packages. Give OSV's export of them.")
    return [
        Finding(package, advisory)
        for package in packages
        for advisory in sorted({each["id"] for each in known.get(package.name, []) if _is_affected(package, each)})
    ]


def search_osv(packages: Iterable[Package]) -> list[Finding]:
    """Ask OSV. Raises Unavailable if it cannot be reached or does not answer as it should."""
    import httpx

    waiting, found = list(packages), []
    try:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            for start in range(0, len(waiting), BATCH):
                part = waiting[start : start + BATCH]
                answer = client.post(ASK_URL, json={"queries": [_query(package) for package in part]})
                answer.raise_for_status()
                for package, result in zip(part, answer.json()["results"], strict=True):
                    found += [Finding(package, each["id"]) for each in result.get("vulns", [])]
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(
            f"OSV could not be asked ({type(error).__name__}). Try again where there is a network, or give its export: DATABASE=PATH."
        ) from error
    return found


def _query(package: Package) -> dict[str, Any]:
    return {"package": {"name": package.name, "ecosystem": "PyPI"}, "version": package.version.split("+")[0]}


def _advisories(database: Path) -> Iterator[Mapping[str, Any]]:
    try:
        if database.is_dir():
            for path in sorted(database.rglob("*.json")):
                yield json.loads(path.read_text("utf-8"))
            return
        with zipfile.ZipFile(database) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    yield json.loads(archive.read(name))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{database} cannot be read as advisories ({type(error).__name__}).") from error


def _is_affected(package: Package, affected: Mapping[str, Any]) -> bool:
    plain = package.version.split("+")[0]
    if plain in affected.get("versions", []):
        return True
    ranges = [each for each in affected.get("ranges", []) if each.get("type") == "ECOSYSTEM"]
    return any(_lies_in(Version(plain), each.get("events", [])) for each in ranges)


def _lies_in(version: Version, events: list[Mapping[str, str]]) -> bool:
    """Whether a version lies between an `introduced` and the `fixed` or `last_affected` after it; what cannot be read counts as inside."""
    inside = False
    try:
        for event in events:
            if "introduced" in event:
                inside = inside or event["introduced"] == "0" or version >= Version(event["introduced"])
            elif "fixed" in event:
                inside = inside and version < Version(event["fixed"])
            elif "last_affected" in event:
                inside = inside and version <= Version(event["last_affected"])
    except InvalidVersion:
        return True
    return inside
