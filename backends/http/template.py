"""The request's template: JSON whose placeholders are replaced by values, never text pasted into text that is parsed afterwards."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pipeline.errors import ConfigError

PLACEHOLDER = re.compile(r"\{(question|top_k|session)\}")
"""What is replaced: the question, the number of chunks asked for, and an id of the conversation, which is the trace's."""


def read_template(given: Any, place: str) -> Any:
    """A template from a TOML table or a JSON text. Raises ConfigError, naming the place, for another thing or one that asks nothing."""
    template = given
    if isinstance(given, str):
        try:
            template = json.loads(given)
        except (ValueError, RecursionError) as error:
            at = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            raise ConfigError(
                f'{place} cannot be read as JSON{at}. Write placeholders within quotation marks, as in {{"question": "{{question}}"}}: '
                "a number arrives as a number all the same."
            ) from error
    if not isinstance(template, dict | list):
        raise ConfigError(f"{place} is neither a JSON object nor a list. Write the body that the endpoint expects.")
    if not asks(template):
        raise ConfigError(
            f"{place} has no {{question}}, so that every question would be the same. Put it where it belongs."
        )
    return template


def asks(template: Any) -> bool:
    """Whether the question is anywhere in a template."""
    if isinstance(template, dict):
        return any(map(asks, template.values()))
    return any(map(asks, template)) if isinstance(template, list) else "{question}" in str(template)


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its placeholders replaced. A text that is nothing but a placeholder becomes the value, of the value's type."""
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    if not isinstance(template, str):
        return template
    whole = PLACEHOLDER.fullmatch(template)
    return values[whole[1]] if whole else PLACEHOLDER.sub(lambda found: str(values[found[1]]), template)
