"""The serving path's template: nothing open, nothing kept for ever, nothing that an update breaks."""

import json
from typing import Any

import pytest

from backends.aws.service import DEADLINE_CAP_S, RESERVE_S
from metrics.catalogue import endpoint_names
from serving.deploy.templates import PARTS, Part
from tests.stack.reading import NAME, dumped, properties, resources, statements, template, text

FUNCTIONS = ("Orchestrator", "Responder", "Authorizer")
ENDPOINTS = ("Embedder", "Generator")


@pytest.mark.parametrize(
    ("part", "role"), [("serving", "EndpointRole"), ("ci", "CloudFormationRole"), ("ui", "TaskRole")]
)
def test_a_service_uses_a_role_for_this_account_alone(part: Part, role: str) -> None:
    for statement in properties(part, role)["AssumeRolePolicyDocument"]["Statement"]:
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_containers_are_isolated_where_that_is_asked_for() -> None:
    for logical_id in ("EmbedderModel", "GeneratorModel"):
        assert properties("serving", logical_id)["EnableNetworkIsolation"] == {
            "Fn::If": ["Isolated", True, {"Ref": "AWS::NoValue"}]
        }
    assert template("serving").holds("Isolated", {"NetworkIsolation": "true"})
    assert not template("serving").holds("Isolated")


@pytest.mark.parametrize(
    ("part", "kind", "key"),
    [
        ("serving", "AWS::SecretsManager::Secret", "KmsKeyId"),
        ("serving", "AWS::Logs::LogGroup", "KmsKeyId"),
        ("serving", "AWS::SageMaker::EndpointConfig", "KmsKeyId"),
        ("ui", "AWS::Logs::LogGroup", "KmsKeyId"),
        ("storage", "AWS::S3::Bucket", "BucketEncryption"),
    ],
)
def test_whatever_holds_something_takes_a_key_of_ones_own(part: Part, kind: str, key: str) -> None:
    for logical_id, about in resources(part, kind).items():
        assert '"KmsKeyArn"' in dumped(about["Properties"][key]), logical_id


def test_no_route_is_open_neither_is_that_of_health() -> None:
    routes = resources("serving", "AWS::ApiGatewayV2::Route")
    assert {about["Properties"]["RouteKey"] for about in routes.values()} == {
        "POST /query",
        "POST /retrieve",
        "POST /score",
        "GET /health",
    }
    for about in routes.values():
        assert about["Properties"]["AuthorizationType"] == {"Fn::If": ["ByKey", "CUSTOM", "AWS_IAM"]}
        assert about["Properties"]["AuthorizerId"]["Fn::If"][:2] == ["ByKey", {"Ref": "KeyAuthorizer"}]


def test_without_a_key_the_api_is_signed_for() -> None:
    assert template("serving").parameters["ApiAuth"]["Default"] == "iam"


def test_what_belongs_to_the_key_is_there_with_the_key_alone() -> None:
    keyed = {name for name, about in resources("serving").items() if about.get("Condition") == "ByKey"}
    assert keyed == {"ApiKey", "AuthorizerRole", "AuthorizerLog", "Authorizer", "KeyAuthorizer", "AuthorizerMayRun"}


def test_the_key_is_made_by_aws_and_read_by_the_authorizer_alone() -> None:
    assert properties("serving", "ApiKey")["GenerateSecretString"]["PasswordLength"] >= 32
    assert "SecretString" not in properties("serving", "ApiKey")
    readers = [name for name, about in resources("serving").items() if '"ApiKey"' in dumped(about["Properties"])]
    assert readers == ["AuthorizerRole", "Authorizer"]


def test_no_function_has_a_secret_in_its_environment() -> None:
    for function in FUNCTIONS:
        variables = properties("serving", function)["Environment"]["Variables"]
        assert {"Ref": "PineconeApiKey"} not in variables.values()
        assert not any(name.endswith("_KEY") for name in variables)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_is_traced_and_its_log_forgets(function: str) -> None:
    assert properties("serving", function)["TracingConfig"] == {"Mode": "Active"}
    assert properties("serving", f"{function}Log")["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert resources("serving")[function]["DependsOn"] == f"{function}Log"


@pytest.mark.parametrize("part", PARTS)
def test_no_log_is_kept_for_ever(part: Part) -> None:
    for about in resources(part, "AWS::Logs::LogGroup").values():
        assert "RetentionInDays" in about["Properties"]


def test_the_access_log_holds_neither_headers_nor_bodies_nor_keys() -> None:
    fields = json.loads(properties("serving", "Stage")["AccessLogSettings"]["Format"])
    assert set(fields.values()) == {
        "$context.requestId",
        "$context.identity.sourceIp",
        "$context.routeKey",
        "$context.status",
        "$context.responseLatency",
        "$context.error.message",
    }


def test_every_route_is_throttled() -> None:
    limits = properties("serving", "Stage")["DefaultRouteSettings"]
    assert limits == {"ThrottlingRateLimit": {"Ref": "ThrottleRate"}, "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"}}


def test_a_browser_may_send_what_the_product_sends() -> None:
    cors = properties("serving", "Api")["CorsConfiguration"]["Fn::If"][1]
    assert cors["AllowOrigins"] == [{"Ref": "CorsOrigin"}]
    assert {"authorization", "x-api-key", "content-type", "traceparent", "x-request-id"} <= set(cors["AllowHeaders"])
    assert "AllowCredentials" not in cors


def test_each_waits_longer_than_the_one_behind_it() -> None:
    orchestrator, integration = properties("serving", "Orchestrator"), properties("serving", "Integration")
    assert DEADLINE_CAP_S + RESERVE_S < orchestrator["Timeout"] < integration["TimeoutInMillis"] / 1000 <= 30


def test_a_model_on_bedrock_leaves_no_endpoint_of_the_generator() -> None:
    def made(**values: str) -> set[str]:
        return {logical_id for logical_id, _ in template("serving").resources(values)}

    model = {"BedrockModel": "us.amazon.nova-lite-v1:0", "BedrockFoundationModel": "amazon.nova-lite-v1:0"}
    gone = {"GeneratorModel", "GeneratorConfig", "Generator", "GeneratorScaling", "GeneratorScalingPolicy"}
    assert made() - made(**model) == gone
    assert made(**model) <= made()
    environ = properties("serving", "Orchestrator")["Environment"]["Variables"]
    assert [environ[name]["Fn::If"][0] for name in ("GENERATOR_ENDPOINT", "BEDROCK_MODEL")] == [
        "OwnGenerator",
        "Bedrock",
    ]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_that_fails_goes_back_by_itself(endpoint: str) -> None:
    condition, for_serverless, given = properties("serving", endpoint)["DeploymentConfig"]["Fn::If"]
    assert (condition, for_serverless) == ("Serverless", {"Ref": "AWS::NoValue"})
    assert "BlueGreenUpdatePolicy" in given
    (alarm,) = given["AutoRollbackConfiguration"]["Alarms"]
    assert resources("serving")[alarm["AlarmName"]["Ref"]]["Type"] == "AWS::CloudWatch::Alarm"
    looked_at = [statement.resources for statement in statements("serving") if statement.owner == "EndpointRole"]
    assert any(resource.endswith(f":alarm:<{alarm['AlarmName']['Ref']}>") for each in looked_at for resource in each)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_update_keeps_the_instances_that_scaling_added(endpoint: str) -> None:
    assert properties("serving", endpoint)["RetainAllVariantProperties"]["Fn::If"] == [
        "Serverless",
        {"Ref": "AWS::NoValue"},
        True,
    ]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_serverless_endpoint_has_memory_and_no_instance(endpoint: str) -> None:
    (variant,) = properties("serving", f"{endpoint}Config")["ProductionVariants"]
    serverless, otherwise = (
        {name: _side(value, side) for name, value in variant.items() if _side(value, side) != {"Ref": "AWS::NoValue"}}
        for side in (1, 2)
    )
    assert serverless["ServerlessConfig"] == {
        "MemorySizeInMB": {"Ref": "ServerlessMemoryMb"},
        "MaxConcurrency": {"Ref": "ServerlessConcurrency"},
    }
    assert {"InstanceType", "InitialInstanceCount"} <= set(otherwise) - set(serverless)
    assert "ServerlessConfig" not in otherwise


def _side(value: Any, side: int) -> Any:
    return value["Fn::If"][side] if isinstance(value, dict) and value.get("Fn::If", [""])[0] == "Serverless" else value


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_serverless_endpoint_has_a_name_of_its_own_since_none_can_be_made_of_one_on_instances(endpoint: str) -> None:
    names = properties("serving", endpoint)["EndpointName"]["Fn::If"]
    assert [text(name, "serving") for name in names[1:]] == [*reversed(endpoint_names(NAME, endpoint.lower()))]
    logs = {
        text(about["Properties"]["LogGroupName"], "serving")
        for about in resources("serving", "AWS::Logs::LogGroup").values()
    }
    assert {f"/aws/sagemaker/Endpoints/{text(name, 'serving')}" for name in names[1:]} <= logs


def test_serverless_endpoints_scale_by_themselves() -> None:
    made = {kind for _, kind in template("serving").resources({"EndpointKind": "serverless"})}
    assert not any(kind.startswith("AWS::ApplicationAutoScaling") for kind in made)
    assert "AWS::ApplicationAutoScaling::ScalableTarget" in {kind for _, kind in template("serving").resources({})}


def test_every_stage_has_an_alarm_on_failing_and_one_on_being_slow() -> None:
    found = set()
    for about in resources("serving", "AWS::CloudWatch::Alarm").values():
        given: dict[str, Any] = about["Properties"]
        stage = next((each["Value"] for each in given["Dimensions"] if each["Name"] == "Stage"), None)
        if stage:
            found.add((stage, given["MetricName"]))
    stages = ("gateway", "embed", "retrieve", "generate")
    assert found == {(stage, metric) for stage in stages for metric in ("Latency", "ErrorCount")}


def test_an_orchestrator_that_does_not_start_is_noticed_by_its_api() -> None:
    alarm = properties("serving", "ApiAlarm")
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/ApiGateway", "5xx", "Average")
    assert alarm["Dimensions"] == [{"Name": "ApiId", "Value": {"Ref": "Api"}}]


def test_every_alarm_is_told_of_and_missing_data_is_no_alarm() -> None:
    for about in resources("serving", "AWS::CloudWatch::Alarm").values():
        assert about["Properties"]["AlarmActions"]["Fn::If"][1] == [{"Ref": "AlarmTopic"}]
        assert about["Properties"]["TreatMissingData"] == "notBreaching"


def test_alarms_can_reach_the_topic() -> None:
    """CloudWatch may not use AWS's own key for SNS: a topic encrypted with it gets no alarm."""
    assert "KmsMasterKeyId" not in properties("serving", "AlarmTopic")


def test_the_bucket_is_private_and_takes_no_call_without_tls() -> None:
    bucket = properties("storage", "Artifacts")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (statement,) = properties("storage", "OnlyTls")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_repository_with_images_does_not_hold_up_the_removal() -> None:
    assert properties("storage", "Images")["EmptyOnDelete"] is True


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_left_behind_on_purpose(part: Part) -> None:
    assert [name for name, about in resources(part).items() if "DeletionPolicy" in about] == []


def test_nobody_gets_a_key_that_does_not_expire() -> None:
    kinds = {about["Type"] for part in PARTS for about in resources(part).values()}
    assert kinds.isdisjoint({"AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::IAM::Group"})
