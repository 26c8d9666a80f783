"""The word that names a model on another server."""

import pytest

from backends.local.remote.address import Address, is_remote, parse_address
from pipeline.errors import ConfigError

READ = {
    "openai:gpt-4o-mini": Address("openai", "gpt-4o-mini", "https://api.openai.com/v1"),
    "openai:llama3.2:1b@http://localhost:11434": Address("openai", "llama3.2:1b", "http://localhost:11434/v1"),
    "openai:org/m@main@https://host/api/v3/": Address("openai", "org/m@main", "https://host/api/v3"),
    "openai-completion:base@http://[::1]:8000/v1": Address("openai-completion", "base", "http://[::1]:8000/v1"),
}


@pytest.mark.parametrize("word", READ)
def test_word_is_interface_model_and_url(word: str) -> None:
    assert is_remote(word)
    assert parse_address(word, "RAGLASS_GENERATOR", {}) == READ[word]


def test_url_comes_from_the_environment_where_the_word_has_none() -> None:
    found = parse_address("openai:m", "RAGLASS_GENERATOR", {"OPENAI_BASE_URL": "http://rack:8000/v1/"})
    assert found.url == "http://rack:8000/v1"


def test_name_holds_the_host_of_all_but_openai_itself() -> None:
    assert parse_address("openai:m", "RAGLASS_GENERATOR", {}).name == "openai:m"
    assert parse_address("openai:m@http://rack:8000", "RAGLASS_GENERATOR", {}).name == "openai:m@rack:8000"


@pytest.mark.parametrize(
    "word",
    [
        "openai:",
        "openai:m@http://",
        "openai:m@http://user:secret@host/v1",
        "openai:m@http://host/v1?key=secret",
        "openai:m@http://host:99999999/v1",
    ],
)
def test_word_that_cannot_be_an_address_is_refused_without_its_secrets(word: str) -> None:
    with pytest.raises(ConfigError, match="RAGLASS_GENERATOR") as caught:
        parse_address(word, "RAGLASS_GENERATOR", {})
    assert "secret" not in str(caught.value)


def test_models_that_run_here_are_not_remote() -> None:
    assert not any(is_remote(word) for word in ("google/flan-t5-base", "smollm2", "embedded"))
