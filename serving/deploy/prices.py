"""What a deployment costs in a month, from a dated table of list prices. An estimate: the bill is AWS's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from serving.deploy.config import DeployConfig
from serving.deploy.templates import Template

TABLE = Path(__file__).with_name("prices.json")
CUSTOM_METRICS = 16
"""Series that a stack writes into RAG_MLOps: four metrics, each for the stages that have it."""


@dataclass(frozen=True, slots=True)
class CostLine:
    """One thing that costs."""

    what: str
    basis: str
    """How many of what, in words."""
    usd_per_month: float | None
    """None where the table has no price."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a month costs."""

    lines: tuple[CostLine, ...]
    as_of: str
    """Month of the price table."""
    region: str
    """Region that the prices are of."""
    source: str

    @property
    def total_usd(self) -> float:
        """Sum of what has a price."""
        return sum(line.usd_per_month or 0.0 for line in self.lines)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What has no price in the table."""
        return tuple(line.what for line in self.lines if line.usd_per_month is None)


@cache
def price_table() -> Mapping[str, Any]:
    """The table, as it is committed."""
    found: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return found


def estimate(config: DeployConfig) -> Estimate:
    """The cost of a month with the least instances and the questions that the configuration expects."""
    prices = price_table()
    per_question = _per_question(config.expected.questions_per_month, prices)
    lines = [*_endpoints(config, prices), *per_question, *_standing(config, prices)]
    if config.dashboard.enabled:
        lines += _dashboard(config, prices)
    return Estimate(tuple(lines), prices["as_of"], prices["region"], prices["source"])


def estimate_questions(questions: int) -> Estimate:
    """What so many questions cost beside what stands all month: the lines of `estimate` that grow with them."""
    prices = price_table()
    return Estimate(tuple(_per_question(questions, prices)), prices["as_of"], prices["region"], prices["source"])


def _endpoints(config: DeployConfig, prices: Mapping[str, Any]) -> list[CostLine]:
    count, hours = config.endpoints.min_instances, prices["hours_per_month"]
    lines = []
    for role, kind in (("embedder", config.embedder.instance_type), ("generator", config.generator.instance_type)):
        hourly = prices["sagemaker_instance_hour"].get(kind)
        basis = f"{count} × {kind} all month"
        lines.append(CostLine(f"SageMaker {role}", basis, None if hourly is None else count * hourly * hours))
    disk_gb = 2 * count * prices["sagemaker_storage_gb"]
    lines.append(CostLine("SageMaker disks", f"{disk_gb} GB", disk_gb * prices["sagemaker_storage_gb_month"]))
    return lines


def _per_question(questions: int, prices: Mapping[str, Any]) -> list[CostLine]:
    millions = questions / 1e6
    gb_seconds = questions * prices["lambda_seconds_per_question"] * prices["lambda_memory_gb"]
    logs_gb = questions * prices["logs_kb_per_question"] / 1e6
    reads = millions * prices["pinecone_read_units_per_question"]
    basis = f"{questions:,} questions"
    return [
        CostLine(
            "Lambda",
            f"{basis}, {gb_seconds:,.0f} GB-seconds",
            gb_seconds * prices["lambda_gb_second"] + 2 * millions * prices["lambda_million_requests"],
        ),
        CostLine("API Gateway", basis, millions * prices["http_api_million_requests"]),
        CostLine("X-Ray", basis, millions * prices["xray_million_traces"]),
        CostLine("CloudWatch Logs", f"{logs_gb:.3g} GB", logs_gb * prices["logs_gb"]),
        CostLine("Pinecone reads", basis, reads * prices["pinecone_million_read_units"]),
    ]


def _standing(config: DeployConfig, prices: Mapping[str, Any]) -> list[CostLine]:
    kinds = [kind for _, kind in Template.of("serving").resources({"ApiAuth": config.api.auth})]
    alarms, secrets = kinds.count("AWS::CloudWatch::Alarm"), kinds.count("AWS::SecretsManager::Secret")
    return [
        CostLine("CloudWatch alarms", f"{alarms} alarms", alarms * prices["alarm_month"]),
        CostLine("CloudWatch metrics", f"{CUSTOM_METRICS} series", CUSTOM_METRICS * prices["metric_month"]),
        CostLine("Secrets Manager", f"{secrets} secrets", secrets * prices["secret_month"]),
        CostLine("ECR", f"{prices['image_gb']} GB of images", prices["image_gb"] * prices["ecr_gb_month"]),
    ]


def _dashboard(config: DeployConfig, prices: Mapping[str, Any]) -> list[CostLine]:
    chosen, hours = config.dashboard, prices["hours_per_month"]
    vcpu, memory_gb = chosen.cpu / 1024, chosen.memory / 1024
    task_hour = vcpu * prices["fargate_vcpu_hour"] + memory_gb * prices["fargate_gb_hour"]
    addresses = 2 + (0 if chosen.task_subnet_ids else chosen.min_tasks)
    return [
        CostLine(
            "Fargate",
            f"{chosen.min_tasks} × {vcpu:g} vCPU, {memory_gb:g} GB all month",
            chosen.min_tasks * task_hour * hours,
        ),
        CostLine("Load balancer", "1 all month", prices["alb_hour"] * hours),
        CostLine("Public addresses", f"{addresses} all month", addresses * prices["public_ipv4_hour"] * hours),
    ]
