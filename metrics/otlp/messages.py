"""`Message`: what was said to a model and what it said, read from where its sender put it; and a prompt's text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.otlp import names
from metrics.otlp.attributes import AttributeReader, as_text, nested, parse, parse_list
from metrics.otlp.documents import NamedEvent
from pipeline.spans import Attribute

ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool"}
"""What some call a role, by which it is here as most do."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish that a tool be called."""

    name: str
    """The tool."""
    arguments: str
    """What with: JSON, where the model kept to it."""
    call_id: str = ""
    """By which the tool's answer names it; empty where it has none."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation with a model."""

    role: str
    """`system`, `user`, `assistant`, `tool` or another of its sender's; empty where it does not say."""
    content: str
    """Its text; of one with pictures or sounds the text only."""
    tool_calls: tuple[ToolCall, ...] = ()
    """What a model asked for in it."""


def joined(messages: Sequence[Message]) -> str:
    """Messages as one text: a single one as it is, of several each under its role."""
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role or 'message'}: {message.content}" for message in messages)


def last_of(messages: Sequence[Message], role: str) -> str:
    """The last message of a role that has a text; empty where there is none."""
    return next((message.content for message in reversed(messages) if message.role == role and message.content), "")


def messages_in(reader: AttributeReader, events: Sequence[NamedEvent]) -> tuple[Message, ...]:
    """Messages sent to a model, in order."""
    indexed = reader.items(names.MESSAGES_IN), reader.items(names.EARLY_MESSAGES_IN)
    stated = json_messages(reader.value(names.MESSAGES_IN_JSON))
    system = reader.value((names.SYSTEM_JSON,))
    instructions = (Message("system", _text_of(parse(system))),) if system is not None and stated else ()
    if any(indexed):
        return tuple(map(_of_openinference, indexed[0])) or tuple(map(_of_openllmetry, indexed[1]))
    return (*instructions, *stated) or _of_events(events, names.MESSAGE_EVENTS, names.PROMPT_EVENT, "gen_ai.prompt")


def messages_out(reader: AttributeReader, events: Sequence[NamedEvent]) -> tuple[Message, ...]:
    """Messages that a model returned: several, where several were asked for."""
    indexed = reader.items(names.MESSAGES_OUT), reader.items(names.EARLY_MESSAGES_OUT)
    stated = json_messages(reader.value(names.MESSAGES_OUT_JSON))
    if any(indexed):
        return tuple(map(_of_openinference, indexed[0])) or tuple(map(_of_openllmetry, indexed[1]))
    choices = {names.CHOICE_EVENT: "assistant"}
    return stated or _of_events(events, choices, names.COMPLETION_EVENT, "gen_ai.completion")


def json_messages(value: object) -> tuple[Message, ...]:
    """Messages of a JSON list, of any shape that has roles."""
    return tuple(_of_json(item) for item in parse_list(value) if isinstance(item, dict))


def _of_openinference(item: Mapping[str, Attribute]) -> Message:
    parts = (part.get(names.MESSAGE_PART_TEXT) for part in nested(item, names.MESSAGE_PARTS))
    calls = [
        _call(call.get(names.TOOL_CALL_NAME), call.get(names.TOOL_CALL_ARGUMENTS), call.get(names.TOOL_CALL_ID))
        for call in nested(item, names.MESSAGE_TOOL_CALLS)
    ]
    if (function := item.get(names.MESSAGE_FUNCTION)) is not None:
        calls.append(_call(function, item.get(names.MESSAGE_ARGUMENTS), None))
    content = item.get(names.MESSAGE_TEXT)
    text = as_text(content) if content not in (None, "") else "\n".join(as_text(part) for part in parts if part)
    return Message(_role(item.get(names.MESSAGE_ROLE)), text, tuple(calls))


def _of_openllmetry(item: Mapping[str, Attribute]) -> Message:
    calls = (_call(call.get("name"), call.get("arguments"), call.get("id")) for call in nested(item, "tool_calls"))
    return Message(_role(item.get("role")), _text_of(parse(item.get("content"))), tuple(calls))


def _of_json(item: Mapping[str, Any]) -> Message:
    """GenAI's `{role, parts}`, OpenAI's `{role, content, tool_calls}`, LangChain's `{type, content}` in `kwargs`."""
    inner = item["kwargs"] if isinstance(item.get("kwargs"), dict) else item
    inner = inner["message"] if isinstance(inner.get("message"), dict) else inner
    parts = inner.get("parts", inner.get("content"))
    calls = [part for part in parse_list(parts) if isinstance(part, dict) and part.get("type") == "tool_call"]
    calls += [call for call in parse_list(inner.get("tool_calls")) if isinstance(call, dict)]
    return Message(_role(inner.get("role", inner.get("type"))), _text_of(parts), tuple(map(_json_call, calls)))


def _json_call(call: Mapping[str, Any]) -> ToolCall:
    function = call["function"] if isinstance(call.get("function"), dict) else call
    return _call(function.get("name"), function.get("arguments", function.get("args")), call.get("id"))


def _of_events(events: Sequence[NamedEvent], roles: Mapping[str, str], whole: str, key: str) -> tuple[Message, ...]:
    """Messages of which each is an event, or all of which one event holds as JSON: two earlier versions of GenAI's."""
    found: list[Message] = []
    for event in events:
        given = event.attributes
        if event.name in roles:
            message = parse(given.get("message"))
            inner = message if isinstance(message, dict) else given
            text = _text_of(parse(inner.get("content", given.get("gen_ai.event.content"))))
            found.append(Message(_role(inner.get("role")) or roles[event.name], text))
        elif event.name == whole and given.get(key) is not None:
            stated = json_messages(given[key])
            found += stated or (Message("", as_text(given[key])),)
    return tuple(found)


def _text_of(content: object) -> str:
    """The text of a message's content: a text, or a list of parts of which some are texts."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, (list, tuple)):
        return as_text(content)
    return "\n".join(filter(None, map(_text_of_part, content)))


def _text_of_part(part: object) -> str:
    if not isinstance(part, dict):
        return as_text(part)
    fields: Iterable[str] = ("response", "result") if part.get("type") == "tool_call_response" else ("text", "content")
    found = next((part[name] for name in fields if part.get(name) is not None), "")
    return found if isinstance(found, str) else as_text(found)


def _call(name: object, arguments: object, call_id: object) -> ToolCall:
    return ToolCall(*("" if value is None else as_text(value) for value in (name, arguments, call_id)))


def _role(value: object) -> str:
    role = value.lower() if isinstance(value, str) else ""
    return ROLES.get(role, role)
