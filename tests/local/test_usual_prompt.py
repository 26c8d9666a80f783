"""What the research profile's generator is told if nothing is said: the usual prompt, or what a file says."""

from pathlib import Path

import pytest

from backends.local.chosen import usual_prompt
from backends.registry import BackendConfig
from pipeline.errors import ConfigError
from pipeline.prompts import DEFAULT, PromptTemplate


def test_usual_prompt_is_the_files_that_is_named(tmp_path: Path) -> None:
    assert usual_prompt(BackendConfig(tmp_path)) == DEFAULT
    path = tmp_path / "short.txt"
    path.write_text("{context} {question}\n")
    assert usual_prompt(BackendConfig(tmp_path, prompt_file=str(path))) == PromptTemplate(
        "short", "{context} {question}"
    )


@pytest.mark.parametrize("content", [None, "no place"])
def test_file_that_holds_no_prompt_is_refused_by_the_settings_name(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "p.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match="RAGLASS_PROMPT names no prompt"):
        usual_prompt(BackendConfig(tmp_path, prompt_file=str(path)))
