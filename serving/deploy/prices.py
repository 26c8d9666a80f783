"""What a deployment costs in a month, from a dated table of list prices. An estimate: the bill is AWS's."""

from collections.abc import Mapping
from typing import Any

from metrics.prices import CostLine, Estimate, estimate_questions, price_table, serverless_lines
from metrics.token_costs import TokenUse
from serving.deploy.config import DeployConfig
from serving.deploy.templates import Template

CUSTOM_METRICS = 16
"""Series that a stack writes into RAG_MLOps: four metrics, each for the stages that have it."""


def estimate(config: DeployConfig) -> Estimate:
    """The cost of a month with the least instances and the questions that the configuration expects."""
    prices = price_table()
    per_question = estimate_questions(config.expected.questions_per_month).lines
    lines = [*_endpoints(config, prices), *per_question, *_standing(config, prices)]
    if config.dashboard.enabled:
        lines += _dashboard(config, prices)
    return Estimate.of(lines)


def _endpoints(config: DeployConfig, prices: Mapping[str, Any]) -> list[CostLine]:
    """Serverless ones by the questions expected; how long a model is at one is assumed, and measured by `raglass lab latency`."""
    if config.endpoints.endpoint == "serverless":
        seconds: dict[str, float] = {role: prices["serverless_seconds_per_question"][role] for role in config.served}
        lines = serverless_lines(config.expected.questions_per_month, config.endpoints.memory_mb / 1024, seconds)
    else:
        lines = _instances(config, prices)
    return [*lines, *([_tokens(config, prices)] if config.generator.bedrock_model else [])]


def _tokens(config: DeployConfig, prices: Mapping[str, Any]) -> CostLine:
    """What a model on Bedrock reads and writes; how much a question is, is assumed, and shown by each trace."""
    questions, model = config.expected.questions_per_month, config.generator.bedrock_model
    read, written = prices["tokens_per_question"]["input"], prices["tokens_per_question"]["output"]
    use = TokenUse(model, questions, questions * read, questions * written, 0)
    return CostLine("Bedrock generator", f"{questions:,} questions of {read:,} + {written:,} tokens, {model}", use.usd)


def _instances(config: DeployConfig, prices: Mapping[str, Any]) -> list[CostLine]:
    count, hours = config.endpoints.min_instances, prices["hours_per_month"]
    lines = []
    for role, served in config.served.items():
        kind = served.instance_type
        hourly = prices["sagemaker_instance_hour"].get(kind)
        basis = f"{count} × {kind} all month"
        lines.append(CostLine(f"SageMaker {role}", basis, None if hourly is None else count * hourly * hours))
    disk_gb = len(config.served) * count * prices["sagemaker_storage_gb"]
    lines.append(CostLine("SageMaker disks", f"{disk_gb} GB", disk_gb * prices["sagemaker_storage_gb_month"]))
    return lines


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
