"""The commented configuration file and its JSON Schema, from the fields of `DeployConfig`."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from serving.deploy.config import DeployConfig
from serving.deploy.shapes import Table

HEADING = """\
# What `raglass deploy` makes on AWS. Every line shows a default, and a line may be left out.
# Secrets do not belong here: PINECONE_API_KEY comes from the environment, AWS credentials from wherever boto3 finds them.
"""


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, which is committed beside this module."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **DeployConfig.model_json_schema()}


def example(**changes: Any) -> str:
    """The whole file with comments and defaults. changes: values at the top that are other than the default."""
    lines = [HEADING, *_table(DeployConfig, "", changes)]
    return "\n".join(lines) + "\n"


def _table(model: type[Table], prefix: str, changes: dict[str, Any]) -> Iterator[str]:
    tables: list[tuple[str, type[Table]]] = []
    for name, field in model.model_fields.items():
        if isinstance(field.default, Table):
            tables.append((name, type(field.default)))
        else:
            yield from _line(name, field, changes.get(name, field.default))
    for name, table in tables:
        yield f"\n# {table.__doc__}\n[{prefix}{name}]"
        yield from _table(table, f"{prefix}{name}.", {})


def _line(name: str, field: FieldInfo, value: Any) -> Iterator[str]:
    choices = getattr(field.annotation, "__args__", ()) if "Literal" in str(field.annotation) else ()
    one_of = f" One of {', '.join(str(choice) for choice in choices)}." if choices else ""
    yield f"# {field.description}{one_of}"
    yield f"{name} = {json.dumps(list(value) if isinstance(value, tuple) else value)}"
