"""The whole stack, asked as the product asks it."""

import datetime
import json
import time
from typing import Any

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import corpus
from serving.rehearsal.session import Rehearsal
from serving.rehearsal.trial import try_out

QUESTION = next(question for question in corpus.questions() if question.answerable)


def ask(rehearsal: Rehearsal, **more: Any) -> tuple[int, Any]:
    with urllib3.PoolManager(retries=False) as pool:
        body = json.dumps({"question": QUESTION.question, **more}).encode()
        headers = rehearsal.signed("POST", "/query", body)
        reply = pool.request("POST", f"{rehearsal.api_url}/query", body=body, headers=headers, timeout=40)
        return reply.status, reply.json()


def test_a_question_is_answered_from_its_article_with_every_stage_timed(rehearsal: Rehearsal) -> None:
    status, answer = ask(rehearsal)
    trace = answer["trace"]
    assert (status, trace["error"]) == (200, None)
    assert QUESTION.document_id in [chunk["document_id"] for chunk in trace["chunks"]]
    assert [span["stage"] for span in trace["spans"]] == ["embed", "retrieve", "generate"]
    assert all(span["duration_ms"] > 0 for span in trace["spans"])


def test_metrics_logs_and_alarms_are_read_back_through_the_products_code(rehearsal: Rehearsal) -> None:
    said: list[str] = []
    problems = try_out(rehearsal, 3, said.append)
    assert problems == []
    assert "3 questions, 0 failed" in said


def test_health_looks_at_every_part(rehearsal: Rehearsal) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        health = pool.request(
            "GET", f"{rehearsal.api_url}/health", headers=rehearsal.signed("GET", "/health", b"")
        ).json()
    assert (health["ready"], [part["name"] for part in health["parts"]]) == (True, ["embedder", "index", "generator"])


def test_a_broken_generator_leaves_chunks_and_the_spans_so_far(rehearsal: Rehearsal) -> None:
    rehearsal.sagemaker.inject("status", where=rehearsal.endpoint_path("generator"), status=500)
    status, answer = ask(rehearsal)
    assert (status, answer["error"]["stage"]) == (502, "generate")
    assert len(answer["trace"]["chunks"]) == 5
    assert rehearsal.sagemaker.calls(rehearsal.endpoint_path("generator")) <= 4


def test_a_throttled_index_is_named(rehearsal: Rehearsal) -> None:
    rehearsal.pinecone.inject("status", where=".*/query", status=429)
    status, answer = ask(rehearsal)
    assert (status, answer["error"]["kind"], answer["error"]["stage"]) == (429, "Throttled", "retrieve")


def test_vectors_of_another_length_are_noticed(rehearsal: Rehearsal) -> None:
    rehearsal.sagemaker.inject("wrong_dimension", where=rehearsal.endpoint_path("embedder"))
    status, answer = ask(rehearsal)
    assert (status, answer["error"]["kind"], answer["error"]["stage"]) == (502, "DimensionMismatch", "retrieve")


def test_a_failing_generator_raises_its_alarm(rehearsal: Rehearsal) -> None:
    rehearsal.sagemaker.inject("status", where=rehearsal.endpoint_path("generator"), status=400)
    ask(rehearsal)
    cloudwatch = rehearsal.client("cloudwatch")
    until = time.monotonic() + 90
    state = ""
    while state != "ALARM" and time.monotonic() < until:
        time.sleep(1)
        alarms = cloudwatch.describe_alarms(AlarmNames=[f"{rehearsal.stack}-generator-fails"])["MetricAlarms"]
        state = alarms[0]["StateValue"]
    assert state == "ALARM"


def test_an_alarm_is_raised_by_its_own_stage_alone(rehearsal: Rehearsal) -> None:
    cloudwatch = rehearsal.client("cloudwatch")
    about = {"Namespace": "Alarmed", "MetricName": "ErrorCount"}
    for stage in ("embed", "generate"):
        cloudwatch.put_metric_alarm(
            AlarmName=f"alarmed-{stage}", **about, Dimensions=[{"Name": "Stage", "Value": stage}], Statistic="Sum",
            Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
        )  # fmt: skip

    def record(stage: str, value: float) -> None:
        datum = {"MetricName": "ErrorCount", "Dimensions": [{"Name": "Stage", "Value": stage}], "Value": value}
        cloudwatch.put_metric_data(Namespace="Alarmed", MetricData=[datum])

    record("embed", 0)
    record("generate", 1)
    states, until = {}, time.monotonic() + 90
    while states.get("alarmed-generate") != "ALARM" and time.monotonic() < until:
        time.sleep(0.5)
        found = cloudwatch.describe_alarms(AlarmNamePrefix="alarmed-")["MetricAlarms"]
        states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}
    cloudwatch.delete_alarms(AlarmNames=list(states))
    assert states == {"alarmed-embed": "OK", "alarmed-generate": "ALARM"}


def test_a_models_refusal_is_a_model_error_with_its_text(rehearsal: Rehearsal) -> None:
    with pytest.raises(ClientError, match="ModelError") as caught:
        invoke(rehearsal, body=b'{"operation": "sing"}')
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert caught.value.response["OriginalStatusCode"] == 400


def test_what_a_model_server_writes_is_in_the_endpoints_log(rehearsal: Rehearsal) -> None:
    with pytest.raises(ClientError, match="ModelError"):
        invoke(rehearsal, body=b'{"operation": "whistle"}')
    group = f"/aws/sagemaker/Endpoints/{rehearsal.stack}-generator"
    logs, until, lines = rehearsal.client("logs"), time.monotonic() + 30, []
    while not lines and time.monotonic() < until:
        time.sleep(0.2)
        lines = logs.filter_log_events(logGroupName=group, filterPattern="BadInput")["events"]
    assert lines


def test_an_endpoint_that_is_not_there_is_not_found(rehearsal: Rehearsal) -> None:
    with pytest.raises(ClientError, match="Endpoint nowhere of account 000000000000 not found"):
        invoke(rehearsal, endpoint="nowhere")


def test_a_failed_update_keeps_the_variant_that_answers(rehearsal: Rehearsal) -> None:
    sagemaker = rehearsal.client("sagemaker")
    endpoint = f"{rehearsal.stack}-embedder"
    role = _role(rehearsal)
    container = {"Image": "any", "ModelDataUrl": "s3://raglass-artifacts/models/nowhere.tar.gz"}
    sagemaker.create_model(ModelName="broken", ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "broken",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="broken", ProductionVariants=[variant])
    try:
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="broken")
        sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
    finally:
        sagemaker.delete_endpoint_config(EndpointConfigName="broken")
        sagemaker.delete_model(ModelName="broken")
    assert "models/nowhere.tar.gz" in described["FailureReason"]
    assert described["EndpointConfigName"] != "broken"
    assert ask(rehearsal)[0] == 200


def _role(rehearsal: Rehearsal) -> str:
    model = rehearsal.client("sagemaker").list_models()["Models"][0]["ModelName"]
    return str(rehearsal.client("sagemaker").describe_model(ModelName=model)["ExecutionRoleArn"])


def invoke(rehearsal: Rehearsal, endpoint: str = "", body: bytes = b"{}") -> Any:
    runtime = rehearsal.client("sagemaker-runtime")
    return runtime.invoke_endpoint(
        EndpointName=endpoint or f"{rehearsal.stack}-generator", ContentType="application/json", Body=body
    )


def test_a_call_signed_for_another_region_finds_no_endpoint(rehearsal: Rehearsal) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    elsewhere = boto3.client("sagemaker-runtime", region_name="eu-west-1", endpoint_url=rehearsal.sagemaker_url, **keys)
    with pytest.raises(ClientError, match="not found"):
        elsewhere.invoke_endpoint(EndpointName=f"{rehearsal.stack}-generator", Body=b"{}")


@pytest.mark.parametrize(("hours", "complaint"), [(-1, "Signature expired"), (1, "Signature not yet current")])
def test_a_clock_that_is_off_is_noticed(rehearsal: Rehearsal, hours: int, complaint: str) -> None:
    request = AWSRequest(
        "POST", f"{rehearsal.sagemaker_url}/endpoints/{rehearsal.stack}-generator/invocations", data=b"{}"
    )
    SigV4Auth(Credentials("test", "test"), "sagemaker", "us-east-1").add_auth(request)
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    request.headers.replace_header("X-Amz-Date", then.strftime("%Y%m%dT%H%M%SZ"))
    with urllib3.PoolManager(retries=False) as pool:
        reply = pool.request("POST", request.url, body=b"{}", headers=dict(request.headers))
    assert (reply.status, complaint in reply.json()["message"]) == (403, True)
