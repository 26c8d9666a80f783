"""Settings: read from variables, checked, masked, and documented."""

import dataclasses
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from app import config
from app.config import Settings, about, unknown_variables
from app.setting import MASK, About, variable
from backends.local.documents import ReadLimits
from pipeline.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"
ROWS = {
    name: (default.strip("`"), values)
    for name, default, values in re.findall(r"^\| `(RAGLASS_\w+)` \| (.*?) \| (.*?) \|$", DOCS.read_text("utf-8"), re.M)
}


def read(**environ: str) -> Settings:
    return Settings.from_environ({f"RAGLASS_{name.upper()}": value for name, value in environ.items()})


def known() -> dict[str, About]:
    return {variable(name): found for name, found in about()}


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    assert list(ROWS) == list(known())


@pytest.mark.parametrize("name", list(known()))
def test_documented_setting_has_a_paragraph_of_its_own(name: str) -> None:
    assert len(re.findall(rf"^\*\*`{name}`\*\* .", DOCS.read_text("utf-8"), re.M)) == 1


@pytest.mark.parametrize("name", [entry.name for entry in fields(Settings) if entry.name != "data_dir"])
def test_documented_default_is_the_real_one(name: str) -> None:
    default = ROWS[variable(name)][0]
    value = getattr(Settings(), name)
    if default == "empty":
        assert value == ""
    else:
        assert getattr(read(**{name: default}), name) == value


@pytest.mark.parametrize(("name", "found"), list(known().items()))
def test_documented_range_is_the_real_one(name: str, found: About) -> None:
    values = ROWS[name][1]
    if found.low is not None and found.high is not None:
        assert values == f"{found.low:g} to {found.high:g}"
    if found.choices:
        assert values == ", ".join(f"`{choice}`" for choice in found.choices)
    assert ("secret" in values) == found.secret


@pytest.mark.parametrize("found", known().values(), ids=known())
def test_every_setting_says_what_it_is_in_a_sentence(found: About) -> None:
    assert found.doc.endswith(".")


def test_without_variables_the_defaults_hold() -> None:
    assert Settings.from_environ({}) == Settings()
    assert Settings().backend_name == "local/embedded"


def test_empty_variable_counts_as_unset() -> None:
    assert read(top_k="", backend="") == Settings()


def test_values_are_read_as_their_types() -> None:
    found = read(top_k="7", deadline_s="2.5", builtin_corpus="off", data_dir="/somewhere", log_level="DEBUG")
    assert (found.top_k, found.deadline_s, found.builtin_corpus) == (7, 2.5, False)
    assert (found.data_dir, found.log_level) == (Path("/somewhere"), "DEBUG")


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("No", False)])
def test_switches_can_be_written_in_several_ways(text: str, value: bool) -> None:
    assert read(builtin_corpus=text).builtin_corpus is value


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("top_k", "five", "whole number"),
        ("top_k", "2.5", "whole number"),
        ("top_k", "0", "between 1 and 100"),
        ("top_k", "101", "between 1 and 100"),
        ("deadline_s", "soon", "a number"),
        ("deadline_s", "nan", "between 0.1 and 900"),
        ("deadline_s", "inf", "between 0.1 and 900"),
        ("port", "65536", "between 1 and 65535"),
        ("builtin_corpus", "perhaps", "1 or 0"),
        ("profile", "embeded", "embedded, research"),
        ("log_level", "debug", "DEBUG, INFO"),
        ("data_dir", "~no_such_user_here/x", "whole path"),
    ],
)
def test_bad_value_is_named_with_what_to_write(name: str, value: str, advice: str) -> None:
    with pytest.raises(ConfigError, match=rf"{variable(name)} is '{re.escape(value)}'.*{advice}"):
        read(**{name: value})


def test_tilde_means_the_home_folder() -> None:
    assert read(data_dir="~/raglass").data_dir == Path.home() / "raglass"


def test_profile_and_backend_make_the_full_name() -> None:
    assert read(profile="research").backend_name == "local/research"
    assert read(backend="aws").backend_name == "aws"


def test_password_is_shown_nowhere() -> None:
    settings = read(database_url="postgresql+psycopg://me:hunter2@host/db")
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.shown())
    assert settings.shown()["RAGLASS_DATABASE_URL"] == MASK
    assert settings.store_url == "postgresql+psycopg://me:hunter2@host/db"
    assert Settings().shown()["RAGLASS_DATABASE_URL"] == "not set"


@pytest.mark.parametrize("name", ["api_url", "judge_url", "otlp_endpoint", "embedder", "generator"])
@pytest.mark.parametrize(
    "address", ["https://user:hunter2@host/v1", "http://hunter2@host", "openai:m@https://u:hunter2@host/v1"]
)
def test_address_with_a_password_is_refused_without_being_quoted(name: str, address: str) -> None:
    with pytest.raises(ConfigError, match=variable(name)) as refused:
        read(**{name: address})
    assert "hunter2" not in str(refused.value)


def test_address_without_one_is_taken_whatever_else_is_in_it() -> None:
    assert read(api_url="https://host/a@b?c=d@e").api_url == "https://host/a@b?c=d@e"
    assert read(generator="openai:m@https://host/v1").generator == "openai:m@https://host/v1"


def test_shown_settings_are_complete() -> None:
    assert list(Settings().shown()) == list(known())


@pytest.mark.parametrize("name", ["plain", "with space", "what?", "100%20", "a#b", "ünï", "a@b:c"])
def test_store_lies_in_the_data_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    settings = replace(Settings(), data_dir=tmp_path / name)
    assert make_url(settings.store_url).database == str(tmp_path / name / "traces.sqlite")


def test_relative_data_folder_is_the_same_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_url(read(data_dir="data").store_url).database == str(tmp_path / "data" / "traces.sqlite")


def test_typing_error_in_a_variable_is_found() -> None:
    environ = {"RAGLASS_TOPK": "5", "RAGLASS_TOP_K": "5", "PATH": "/bin"}
    assert unknown_variables(environ) == ["RAGLASS_TOPK"]


def test_backend_config_carries_the_settings(tmp_path: Path) -> None:
    settings: Any = replace(Settings(), data_dir=tmp_path, embedder="e", threads=0, max_new_tokens=9)
    config = settings.backend_config()
    assert (config.data_dir, config.embedder, config.threads, config.max_new_tokens) == (tmp_path, "e", None, 9)
    assert replace(settings, threads=3).backend_config().threads == 3


def test_limits_of_reading_carry_the_settings() -> None:
    limits = replace(Settings(), max_file_mb=7, read_memory_mb=2000, read_time_s=5).read_limits()
    assert (limits.max_bytes, limits.memory_mb, limits.time_s) == (7_000_000, 2000, 5)
    assert Settings().read_limits() == ReadLimits()


def test_setting_that_says_nothing_about_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dataclasses.make_dataclass("Made", [("greeting", str, "Hello")])
    monkeypatch.setattr(config, "Settings", made)
    with pytest.raises(TypeError, match="greeting is not Annotated"):
        list(config.about())
