"""The bill of materials: CycloneDX 1.6 as JSON, and the list of licences, of the packages that lock files name."""

import json
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import Any

from serving.supply.locks import Package

UNKNOWN = "unknown"
"""The licence of a package that is not installed here or says nothing."""

Licence = Callable[[str], str]


def installed_licence(name: str) -> str:
    """What an installed package says of its licence: the SPDX expression, or its classifiers, or a short text."""
    try:
        about = metadata(name).json
    except PackageNotFoundError:
        return UNKNOWN
    expression = about.get("license_expression")
    if expression:
        return str(expression)
    named = [each for each in about.get("classifier", []) if each.startswith("License ::")]
    if named:
        return "; ".join(each.rsplit("::", 1)[1].strip() for each in named)
    text = str(about.get("license", "")).strip()
    return text.splitlines()[0][:80] if text else UNKNOWN


def bill(packages: Iterable[Package], licence: Licence = installed_licence) -> dict[str, Any]:
    """The document. It holds no time and no number of its own, so the same lock files give the same bytes."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "raglass", "version": version("raglass")}},
        "components": [_component(package, licence(package.name)) for package in packages],
    }


def bill_text(packages: Iterable[Package]) -> str:
    """The document as text."""
    return json.dumps(bill(packages), indent=1) + "\n"


def licence_lines(packages: Iterable[Package], licence: Licence = installed_licence) -> list[str]:
    """Name, version and licence of each, with tabs between."""
    return [f"{package.name}\t{package.version}\t{licence(package.name)}" for package in packages]


def _component(package: Package, licence: str) -> dict[str, Any]:
    address = f"pkg:pypi/{package.name}@{package.version.replace('+', '%2B')}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        "version": package.version,
        "purl": address,
        "properties": [{"name": "raglass:lock", "value": lock} for lock in package.locks],
        # CycloneDX has hashes of a component where one file is meant; here any of several may be installed.
        "externalReferences": [
            {"type": "distribution", "url": address, "hashes": [{"alg": "SHA-256", "content": content}]}
            for content in package.hashes
        ],
    }
    if licence != UNKNOWN:
        component["licenses"] = [{"license": {"name": licence}}]
    return component
