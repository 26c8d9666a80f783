"""The configuration file: what it takes, what it refuses and in which words, and that its schema and example agree with it."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from pipeline.errors import InputError
from serving.deploy import config as configuration
from serving.deploy.config import DeployConfig, read_config
from serving.deploy.config_file import example, schema
from serving.deploy.shapes import SHAPES


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "deploy.toml"
    path.write_text(text, "utf-8")
    return path


def test_example_is_the_defaults_and_meets_the_committed_schema(tmp_path: Path) -> None:
    text = example()
    assert read_config(written(tmp_path, text)) == DeployConfig()
    committed = json.loads(Path(configuration.__file__).with_name("config.schema.json").read_text("utf-8"))
    assert committed == schema()
    jsonschema.validate(tomllib.loads(text), committed)


@pytest.mark.parametrize("text", [
    'generator = "bedrock:us.amazon.nova-lite-v1:0"',
    '[generator]\nengine = "bedrock"\nmodel = "us.amazon.nova-lite-v1:0"',
])  # fmt: skip
def test_model_on_bedrock_is_named_in_a_word_or_in_a_table(tmp_path: Path, text: str) -> None:
    found = read_config(written(tmp_path, text))
    assert found.generator.bedrock_model == "us.amazon.nova-lite-v1:0"
    assert list(found.served) == ["embedder"]
    jsonschema.validate(tomllib.loads(text), schema())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('generator = "gpt-4o"', r"generator: 'gpt-4o' is no generator: write \"bedrock:MODEL\""),
        ('generator = "bedrock:"', "is no model on Bedrock: give its id"),
        ('[generator]\nengine = "bedrock"', r"'google/flan-t5-base' is no model on Bedrock"),
    ],
)
def test_word_that_names_no_model_on_bedrock_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_config(written(tmp_path, text))


def test_every_value_of_the_example_has_a_comment() -> None:
    lines = example().splitlines()
    for place, line in enumerate(lines):
        if " = " in line and not line.startswith("#"):
            assert lines[place - 1].startswith("# "), line


def test_defaults_stand_where_there_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_config(None, stack="demo", region=None).stack == "demo"
    written(tmp_path, "").rename(tmp_path / "raglass-deploy.toml").write_text('stack = "found"')
    assert read_config(None).stack == "found"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stack = 'Demo'", r"stack is 'Demo': give small letters, digits and dashes"),
        ("[dashboard]\nallowed_cidr = 'home'", r"allowed_cidr is 'home': give a range of addresses, as in 203\.0"),
        ("stak = 'demo'", "there is no setting stak"),
        ("[api]\nauth = 'none'", r"api.auth is 'none'.*'iam' or 'key'"),
        ("[api]\nconcurrency = -1", r"api.concurrency is -1"),
        ("[endpoints]\nendpoint = 'async'", "endpoints.endpoint is 'async'.*'real-time' or 'serverless'"),
        ("[endpoints]\nmemory_mb = 4000", "endpoints.memory_mb is 4000.*1024"),
        ("[endpoints]\nmax_concurrency = 201", "endpoints.max_concurrency is 201"),
        ("[endpoints]\nmin_instances = 3", "min_instances is above endpoints.max_instances"),
        (
            "[dashboard]\ndatabase_url_secret_arn = 'arn:aws:secretsmanager:us-east-1:1:secret:db-1'",
            "dashboard.database_url_secret_arn .* must begin with raglass-",
        ),
        (
            "[dashboard]\nenabled = true\nvpc_id = 'v'\nsubnet_ids = ['a', 'b']\nallowed_cidr = '203.0.113.7/32'\n"
            "certificate_arn = 'arn:aws:acm:us-east-1:1:certificate/a'",
            "give it in host_names",
        ),
        ("[dashboard]\nenabled = true", "give vpc_id, subnet_ids, allowed_cidr too"),
        ("stack = = 1", "is not TOML.*line 1"),
        ("[embedder]\ninstance_type = 't3.micro'", "embedder.instance_type is 't3.micro'"),
        ("[generator]\nrevision = 'main'", "generator.revision is 'main': give the whole commit"),
        ("[endpoints]\nnetwork_isolation = true", "give an image that has it"),
        ("[endpoints]\nnetwork_isolation = true\nendpoint = 'serverless'", "SageMaker isolates no serverless endpoint"),
        (
            "[encryption]\nkms_key_arn = 'alias/mine'",
            "encryption.kms_key_arn is 'alias/mine': give the ARN of a KMS key",
        ),
        ("[access_logs]\nbucket = 'Mine'", "access_logs.bucket is 'Mine': give the name of a bucket"),
    ],
)
def test_wrong_value_is_named_with_what_would_be_right(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_config(written(tmp_path, text))


def test_missing_and_unreadable_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="raglass deploy init"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"stack = '\xe9'")
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path / "latin.toml")


OPEN = """
[dashboard]
enabled = true
vpc_id = "vpc-1"
subnet_ids = ["a", "b"]
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('allowed_cidr = "0.0.0.0/0"', "admits everybody without a login"),
        ('allowed_cidr = "203.0.113.7/32"\nmax_tasks = 2', "needs a shared store"),
        ('allowed_cidr = "0.0.0.0/0"\n[dashboard.oidc]\nissuer = "https://id.example.org"', "a login needs HTTPS"),
        ('allowed_cidr = "203.0.113.7/32"\npeople = ["@example.com"]', "people are known by a login"),
        ('allowed_cidr = "anywhere"', "dashboard.allowed_cidr is 'anywhere'"),
    ],
)
def test_dashboard_is_closed_unless_there_is_a_login_over_https(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_config(written(tmp_path, OPEN + more))


def test_dashboard_for_one_address_is_taken(tmp_path: Path) -> None:
    found = read_config(written(tmp_path, OPEN + 'allowed_cidr = "203.0.113.7/32"'))
    assert found.dashboard.subnet_ids == ("a", "b")


def test_every_pattern_is_put_into_words() -> None:
    patterns = set(re.findall(r"\"pattern\": (\".*\")", json.dumps(schema(), indent=1)))
    assert {json.loads(pattern) for pattern in patterns} == set(SHAPES)
