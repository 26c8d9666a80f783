"""List prices of AWS, Pinecone and models, from a dated table, and what questions cost by them. An estimate: the bill is theirs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class CostLine:
    """One thing that costs."""

    what: str
    """Its name."""
    basis: str
    """How many of what, in words."""
    usd: float | None
    """None where the table has no price."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What things cost together."""

    lines: tuple[CostLine, ...]
    """One by one."""
    as_of: str
    """Month of the price table."""
    region: str
    """Region that the prices are of."""
    source: str
    """Where they were looked up."""

    @classmethod
    def of(cls, lines: list[CostLine]) -> "Estimate":
        """By the committed table."""
        prices = price_table()
        return cls(tuple(lines), prices["as_of"], prices["region"], prices["source"])

    @property
    def total_usd(self) -> float:
        """Sum of what has a price."""
        return sum(line.usd or 0.0 for line in self.lines)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What has no price in the table."""
        return tuple(line.what for line in self.lines if line.usd is None)


@cache
def price_table() -> Mapping[str, Any]:
    """The table, as it is committed."""
    found: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return found


def estimate_questions(questions: int) -> Estimate:
    """What so many questions to a deployed stack cost beside what stands all month."""
    prices = price_table()
    millions = questions / 1e6
    gb_seconds = questions * prices["lambda_seconds_per_question"] * prices["lambda_memory_gb"]
    logs_gb = questions * prices["logs_kb_per_question"] / 1e6
    reads = millions * prices["pinecone_read_units_per_question"]
    basis = f"{questions:,} questions"
    return Estimate.of(
        [
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
    )


def serverless_lines(questions: int, memory_gb: float, seconds: Mapping[str, float] | None = None) -> list[CostLine]:
    """What so many questions to serverless endpoints cost, an endpoint a line.

    memory_gb: of each endpoint. seconds: of inference a question by role (`embedder`, `generator`); the table's assumption if not given.
    """
    prices = price_table()
    lines = []
    for role, each_s in (seconds or prices["serverless_seconds_per_question"]).items():
        data_gb = questions * prices["serverless_kb_per_question"][role] / 1e6
        usd = (
            questions * each_s * memory_gb * prices["sagemaker_serverless_gb_second"]
            + data_gb * prices["sagemaker_serverless_data_gb"]
        )
        basis = f"{questions:,} questions of {each_s:.3g} s, {memory_gb:g} GB, serverless"
        lines.append(CostLine(f"SageMaker {role}", basis, usd))
    return lines
