"""What is given to the templates and what they give back, as the deploy commands and the documents know it."""

import re

import pytest

from serving.deploy.config import DeployConfig
from serving.deploy.parameters import Values, ci_values, serving_values, storage_values, ui_values
from serving.deploy.templates import PARTS, Part
from tests.stack.reading import chosen, inside, template

CONFIG = DeployConfig(stack="demo")
KEYS = dict.fromkeys(("OrchestratorKey", "ResponderKey", "AuthorizerKey", "EmbedderKey", "GeneratorKey"), "key")

GIVEN: dict[Part, Values] = {
    "storage": storage_values(CONFIG),
    "serving": serving_values(CONFIG, "bucket", KEYS, None),
    "ui": ui_values(CONFIG, {}, "image"),
    "ci": ci_values(CONFIG),
}
"""What the deploy commands give."""

NEEDED: dict[Part, set[str]] = {
    "storage": {"Name"},
    "serving": {"Name", "ArtifactBucket", "PineconeApiKey", *KEYS} - {"GeneratorKey"},
    "ui": {"Name", "Image", "VpcId", "SubnetIds", "AllowedCidr", "ApiUrl", "ApiId"},
    "ci": {"Name", "GitHubRepository"},
}
"""Parameters without a default."""

OUTPUTS: dict[Part, set[str]] = {
    "storage": {"ArtifactBucket", "RepositoryName", "RepositoryUri"},
    "serving": {
        "ApiId", "ApiUrl", "ApiAuth", "ApiKeySecret", "Embedder", "Generator", "Orchestrator", "Responder", "DashboardRole",
    },
    "ui": {"Url", "Cluster", "Service", "LogGroup", "TaskGroup"},
    "ci": {"DeployRoleArn", "CloudFormationRoleArn"},
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_the_deploy_commands_give_every_parameter_and_no_other(part: Part) -> None:
    optional = {"InferenceImage"}  # Given only if it is configured.
    assert set(GIVEN[part]) <= set(template(part).parameters)
    assert set(template(part).parameters) - set(GIVEN[part]) <= optional


@pytest.mark.parametrize("part", PARTS)
def test_what_has_no_default_has_to_be_given(part: Part) -> None:
    parameters = template(part).parameters
    assert {name for name, about in parameters.items() if "Default" not in about} == NEEDED[part]


@pytest.mark.parametrize("part", PARTS)
def test_every_parameter_and_output_says_what_it_is(part: Part) -> None:
    silent = [
        name for name, about in template(part).parameters.items() if not about.get("Description", "").endswith(".")
    ]
    silent += [
        name
        for name, about in template(part).data["Outputs"].items()
        if part != "serving" and not about.get("Description")
    ]
    assert silent == []


@pytest.mark.parametrize("part", PARTS)
def test_every_parameter_is_used(part: Part) -> None:
    body = template(part).data
    used = {value for key, value in inside(body) if key == "Ref"}
    texts = " ".join(str(value) for key, value in inside(body) if key == "Fn::Sub")
    used |= set(re.findall(r"\$\{(\w+)", texts))
    assert set(template(part).parameters) - used == set()


@pytest.mark.parametrize("part", PARTS)
def test_outputs_are_the_ones_that_others_read(part: Part) -> None:
    assert set(template(part).data["Outputs"]) == OUTPUTS[part]


@pytest.mark.parametrize("part", PARTS)
def test_the_name_is_the_one_that_the_configuration_takes(part: Part) -> None:
    taken = DeployConfig.model_json_schema()["properties"]["stack"]["pattern"]
    assert template(part).parameters["Name"]["AllowedPattern"] == taken


def test_the_secret_is_not_shown_and_has_no_default() -> None:
    about = template("serving").parameters["PineconeApiKey"]
    assert about["NoEcho"] is True
    assert "Default" not in about


@pytest.mark.parametrize("part", PARTS)
def test_no_output_gives_a_secret_away(part: Part) -> None:
    values = [about["Value"] for about in template(part).data["Outputs"].values()]
    secret = template(part).secret_parameters
    assert [name for key, name in inside(values) if key == "Ref" and name in secret] == []


@pytest.mark.parametrize("part", PARTS)
def test_every_condition_is_used(part: Part) -> None:
    body = template(part).data
    used = {
        about["Condition"] for about in [*body["Resources"].values(), *body["Outputs"].values()] if "Condition" in about
    }
    used |= {value[0] for key, value in inside(body) if key == "Fn::If"}
    used |= {value for key, value in inside(body.get("Conditions", {})) if key == "Condition"}
    assert set(body.get("Conditions", {})) - used == set()


def test_chosen_reads_both_sides() -> None:
    assert chosen([{"Fn::If": ["X", "a", {"Ref": "AWS::NoValue"}]}, "b"]) == ["a", "b"]
