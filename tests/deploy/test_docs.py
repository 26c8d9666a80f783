"""docs/deploy.md names everything that is made and every command, and no price: those are printed."""

import re
from fnmatch import fnmatch
from pathlib import Path

from app.cli_deploy import deploy
from serving.deploy.templates import PARTS, Template

DOC = (Path(__file__).resolve().parents[2] / "docs" / "deploy.md").read_text("utf-8")


def test_every_type_of_resource_is_in_the_table() -> None:
    table = DOC[DOC.index("## What there is, and why") : DOC.index("## What it costs")]
    named = re.findall(r"`([\w:*]+)`", table)
    patterns = {f"SageMaker::{name}" if "::" not in name else name for name in named}
    kinds = {
        resource["Type"].removeprefix("AWS::")
        for part in PARTS
        for resource in Template.of(part).data["Resources"].values()
    }
    assert {kind for kind in kinds if not any(fnmatch(kind, pattern) for pattern in patterns)} == set()


def test_every_command_is_mentioned() -> None:
    for name in set(deploy.commands) - {"status", "rollback", "logs"}:
        assert f"raglass deploy {name}" in DOC, name
    assert all(f"`{name}" in DOC or f"raglass deploy {name}" in DOC for name in ("status", "rollback", "logs"))


def test_no_price_is_written_down() -> None:
    assert "$" not in DOC
