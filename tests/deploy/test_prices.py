"""The estimate, from the committed table."""

from typing import Any

import pytest

from metrics.prices import estimate_questions, price_table
from serving.deploy.config import Dashboard, DeployConfig, Expected
from serving.deploy.model_tables import Embedder, Endpoints, Generator
from serving.deploy.prices import estimate

DASHBOARD = Dashboard(enabled=True, vpc_id="v", subnet_ids=("a", "b"), allowed_cidr="203.0.113.7/32")


@pytest.mark.slow
def test_two_endpoints_cost_their_hours() -> None:
    lines = {line.what: line for line in estimate(DeployConfig()).lines}
    table = price_table()
    hourly = table["sagemaker_instance_hour"]["ml.m5.xlarge"]
    assert lines["SageMaker embedder"].usd == hourly * table["hours_per_month"]
    twice = estimate(DeployConfig(endpoints=Endpoints(min_instances=2))).lines[0].usd
    assert twice == 2 * hourly * table["hours_per_month"]


def test_without_questions_nothing_is_paid_for_them() -> None:
    lines = {line.what: line for line in estimate(DeployConfig(expected=Expected(questions_per_month=0))).lines}
    assert all(lines[what].usd == 0 for what in ("Lambda", "API Gateway", "X-Ray", "Pinecone reads"))


@pytest.mark.slow
def test_questions_cost_what_they_add_to_a_month() -> None:
    def month(questions: int) -> float:
        return estimate(DeployConfig(expected=Expected(questions_per_month=questions))).total_usd

    assert estimate_questions(500).total_usd == pytest.approx(month(500) - month(0))
    assert estimate_questions(0).total_usd == 0


@pytest.mark.slow
def test_instance_without_a_price_is_named_and_not_counted_as_free() -> None:
    cost = estimate(DeployConfig(embedder=Embedder(instance_type="ml.p5.48xlarge")))
    assert cost.unknown == ("SageMaker embedder",)
    assert cost.total_usd < estimate(DeployConfig()).total_usd


@pytest.mark.parametrize("kind", ["real-time", "serverless"])
@pytest.mark.slow
def test_model_on_bedrock_is_paid_by_the_token_and_has_no_endpoint(kind: Any) -> None:
    generator = Generator(engine="bedrock", model="us.amazon.nova-lite-v1:0")
    lines = {
        line.what: line
        for line in estimate(DeployConfig(generator=generator, endpoints=Endpoints(endpoint=kind))).lines
    }
    assert "SageMaker generator" not in lines
    # 10,000 questions of 1,500 tokens at 0.06 a million, and 100 at 0.24.
    assert lines["Bedrock generator"].usd == pytest.approx(10_000 * (1_500 * 0.06 + 100 * 0.24) / 1e6)
    unknown = estimate(DeployConfig(generator=Generator(engine="bedrock", model="a.b")))
    assert unknown.unknown == ("Bedrock generator",)


@pytest.mark.slow
def test_dashboard_adds_its_own_lines() -> None:
    without, with_it = estimate(DeployConfig()), estimate(DeployConfig(dashboard=DASHBOARD))
    added = {line.what for line in with_it.lines} - {line.what for line in without.lines}
    assert added == {"Fargate", "Load balancer", "Public addresses"}
    assert with_it.total_usd > without.total_usd


def test_table_says_of_when_and_where_it_is() -> None:
    cost = estimate(DeployConfig())
    assert (cost.as_of, cost.region) == (price_table()["as_of"], "us-east-1")


@pytest.mark.slow
def test_serverless_endpoints_cost_what_is_asked_and_no_hour() -> None:
    def month(questions: int, memory_mb: int = 6144) -> dict[str, float | None]:
        endpoints = Endpoints(endpoint="serverless", memory_mb=memory_mb)  # type: ignore[arg-type]
        config = DeployConfig(endpoints=endpoints, expected=Expected(questions_per_month=questions))
        return {line.what: line.usd for line in estimate(config).lines if line.what.startswith("SageMaker")}

    assert month(0) == {"SageMaker embedder": 0.0, "SageMaker generator": 0.0}
    table = price_table()
    seconds, kb = (
        table["serverless_seconds_per_question"]["generator"],
        table["serverless_kb_per_question"]["generator"],
    )
    data_usd = 1_000 * kb / 1e6 * table["sagemaker_serverless_data_gb"]
    spent_usd = 1_000 * seconds * 3 * table["sagemaker_serverless_gb_second"]
    assert month(1_000, 3072)["SageMaker generator"] == pytest.approx(spent_usd + data_usd)
