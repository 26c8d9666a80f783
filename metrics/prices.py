"""List prices of AWS, Pinecone and models, from a dated table, and what questions cost by them. An estimate: the bill is theirs.

The committed table can be overridden, price by price, by a file of one's own with its own date: VARIABLE names it.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError

TABLE = Path(__file__).with_name("prices.json")
"""The committed table."""

VARIABLE = "RAGLASS_PRICES"
"""The environment variable with a file of one's own."""

TOKENS = "tokens_million"
"""In the table: dollars for a million tokens read and written, by model."""


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


def price_table() -> Mapping[str, Any]:
    """The committed table, with what the file of VARIABLE says in its place. Raises ConfigError for a file that holds no prices."""
    return _read_table(os.environ.get(VARIABLE, ""))


@cache
def _read_table(own: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return _overridden(found, own) if own else found


def _overridden(table: Mapping[str, Any], own: str) -> Mapping[str, Any]:
    try:
        given = json.loads(Path(own).expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{VARIABLE} is {own!r}, which cannot be read as JSON ({type(error).__name__}). Give a file such as docs/settings.md shows."
        ) from error
    if not isinstance(given, dict) or not isinstance(given.get("as_of"), str) or not given["as_of"].strip():
        raise ConfigError(f'{own} ({VARIABLE}) does not say of when its prices are. Write "as_of": "2026-01" into it.')
    for name, value in given.items():
        if name not in table or not _fits(name, value, table[name]):
            raise ConfigError(
                f"{own} ({VARIABLE}) holds {name!r}, which is no price of the table or has another form there. Write it as "
                "metrics/prices.json does: dollars, and for a model those of a million tokens read and written."
            )
    merged = {name: {**table[name], **value} if isinstance(value, dict) else value for name, value in given.items()}
    return {**table, **merged, "as_of": f"{table['as_of']}, own of {given['as_of'].strip()}"}


def _fits(name: str, value: object, known: object) -> bool:
    """Whether a value has the form of the table's: words, a sum, or several sums by name; of models pairs of sums."""
    if isinstance(known, dict):
        if not isinstance(value, dict):
            return False
        if name == TOKENS:
            return all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_sum, pair)) for pair in value.values())
        return all(map(_is_sum, value.values()))
    return isinstance(value, str) if isinstance(known, str) else _is_sum(value)


def _is_sum(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


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
