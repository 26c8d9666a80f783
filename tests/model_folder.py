"""The AWS side of a rehearsed endpoint, where models lie in a folder."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class LocalFolder:
    """Models from files, and logs that go nowhere."""

    def __init__(self, archives: Mapping[str, Path]) -> None:
        self._archives = archives

    def fetch_model(self, model: Mapping[str, Any], to: Path) -> None:
        shutil.copy(self._archives[model["PrimaryContainer"]["ModelDataUrl"]], to)

    def ship_log(self, model: Mapping[str, Any], path: Path, endpoint: str, stream: str) -> "LocalFolder":
        return self

    def stop(self) -> None:
        pass
