"""The lock files as data: which package in which version, under which hashes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "requirements"
PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Package:
    """A package that a lock file names."""

    name: str
    """As an index writes it: small letters and dashes."""
    version: str
    hashes: tuple[str, ...]
    """SHA-256 of each file that may be installed, in hexadecimal."""
    locks: tuple[str, ...]
    """Lock files that name it in this version, without `.lock`."""


def normalized(name: str) -> str:
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path) -> list[Package]:
    """The packages of a lock file. Raises InputError for a file without any, and for a package without a hash."""
    found = []
    text = path.read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        pinned = PINNED.match(line)
        if pinned is None:
            continue
        hashes = tuple(HASH.findall(line))
        if not hashes:
            raise InputError(f"{path.name} names {pinned[1]} without a hash. Run `make lock`.")
        found.append(Package(normalized(pinned[1]), pinned[2], hashes, (path.stem,)))
    if not found:
        raise InputError(f"{path.name} names no package. Run `make lock`.")
    return found


def read_locks(paths: Iterable[Path] = ()) -> list[Package]:
    """The packages of several lock files, all where none is given: each name and version once, by name."""
    together: dict[tuple[str, str], Package] = {}
    for path in paths or sorted(FOLDER.glob("*.lock")):
        for package in read_lock(path):
            known = together.get((package.name, package.version))
            if known is not None:
                hashes = tuple(dict.fromkeys((*known.hashes, *package.hashes)))
                package = Package(package.name, package.version, hashes, (*known.locks, *package.locks))
            together[package.name, package.version] = package
    return [together[key] for key in sorted(together)]
