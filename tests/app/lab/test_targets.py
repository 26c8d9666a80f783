"""What studies may ask, by the role of who plans them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.lab.targets import check_targets, is_own
from app.permitting.acting import acting_as
from app.permitting.roles import NotPermitted, Person, Role

EDITOR, ADMIN = Person("eve@example.com", Role.EDITOR), Person("ada@example.com", Role.ADMIN)
PLANS: list[tuple[str, dict[str, Any], bool]] = [
    ("load", {"target": "local/embedded"}, True),
    ("load", {"target": "aws"}, False),
    ("load", {"target": "http/shop"}, False),
    ("latency", {"targets": ["local/embedded", "aws"]}, True),
    ("latency", {"targets": ["http/shop"]}, True),
    ("latency", {"targets": ["http/other"]}, False),
    ("embedders", {"embedders": ["embedded", "sagemaker:demo-embedder"]}, True),
    ("embedders", {"embedders": ["embedded", "sagemaker:payroll"]}, False),
    ("study", {"factors": {"embedder": ["embedded", " sagemaker:payroll"]}}, False),
    ("generators", {"generators": ["embedded", "openai:gpt-5"]}, False),
    ("generators", {"generators": ["openai:m@http://localhost:11434"]}, True),
    ("embedders", {"embedders": ["bedrock:amazon.titan-embed-text-v2:0"]}, False),
    ("study", {"factors": {"generator": ["embedded", "openai:gpt-5"]}}, False),
]


FAR = [
    ({"generator": "openai:gpt-5"}, False),
    ({"generator": "openai-completion:m@https://llm.internal/v1"}, False),
    ({"generator": "openai:m@http://localhost:11434"}, True),
    ({"embedder": "bedrock:amazon.titan-embed-text-v2:0"}, False),
    ({"index": "pinecone"}, False),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    endpoint = 'url = "http://h/"\nrequest = { q = "{question}" }\nreply = { answer = "x" }\n'
    (tmp_path / "backends.toml").write_text(f"[shop]\n{endpoint}")
    return replace(Settings(), data_dir=tmp_path, api_url="https://api.example.com", stack="demo")


@pytest.mark.parametrize(("study", "plan", "may"), PLANS)
def test_an_editor_asks_what_the_configuration_names_and_loads_this_machine_alone(
    settings: Settings, study: str, plan: dict[str, Any], may: bool
) -> None:
    with acting_as(ADMIN):
        check_targets(study, plan, settings)
    with acting_as(EDITOR):
        if may:
            check_targets(study, plan, settings)
            return
        with pytest.raises(NotPermitted, match="RAGLASS_ADMINS"):
            check_targets(study, plan, settings)


@pytest.mark.parametrize(("changes", "own"), FAR)
def test_a_local_target_that_asks_a_server_elsewhere_is_not_of_this_machine(
    settings: Settings, changes: dict[str, Any], own: bool
) -> None:
    far = replace(settings, **changes)
    assert is_own("local/embedded", far) is own
    with acting_as(EDITOR):
        check_targets("latency", {"targets": ["local/embedded", "local/research"]}, far)
        if own:
            check_targets("load", {"target": "local/embedded"}, far)
            return
        with pytest.raises(NotPermitted, match="RAGLASS_ADMINS"):
            check_targets("load", {"target": "local/embedded"}, far)


def test_an_editor_studies_the_model_elsewhere_that_the_configuration_names(settings: Settings) -> None:
    with acting_as(EDITOR):
        check_targets("generators", {"generators": ["openai:gpt-5"]}, replace(settings, generator="openai:gpt-5"))
