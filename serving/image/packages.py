"""Where pip finds packages on this machine, told to a build: pip's own settings as a file, and the folders that they name."""

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CARRIED = ("cert", "default-timeout", "extra-index-url", "find-links", "index-url", "proxy", "timeout", "trusted-host")
"""Settings that say where packages are and how to get there."""


@dataclass(frozen=True, slots=True)
class PipSettings:
    """How pip gets packages here."""

    text: str
    """A configuration file of pip's; empty where nothing is out of the ordinary. May hold a password."""
    paths: tuple[Path, ...]
    """Files and folders of this machine that it names."""


def read_pip_settings() -> PipSettings:
    """What pip says of itself, with variables of the environment over its files."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    return parse_pip_settings(listed)


def parse_pip_settings(listed: str) -> PipSettings:
    """Settings from the lines that `pip config list` prints: `global.timeout='60'`, `:env:.timeout='60'`."""
    found: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, given, value = line.partition("=")
        key = name.rpartition(".")[2]
        if given and key in CARRIED:
            found[key] = " ".join(str(ast.literal_eval(value)).split())
    lines = ["[global]", *(f"{key} = {value}" for key, value in sorted(found.items()))]
    paths = {path for key, value in found.items() for word in value.split() for path in _named(key, word)}
    return PipSettings("\n".join(lines) + "\n" if found else "", tuple(sorted(path for path in paths if path.exists())))


def _named(key: str, word: str) -> tuple[Path, ...]:
    """The path of this machine that a word of a setting names. An index's pages point at files beside its folder."""
    if not word.startswith(("/", "file:")):
        return ()
    path = Path(urlsplit(word).path)
    return (path.parent,) if key.endswith("index-url") else (path,)
