"""The names of attributes, in the order in which they are looked for: what means the same thing stands together.

OpenInference's are its package's. GenAI's are those of https://github.com/open-telemetry/semantic-conventions-genai 0.1 and, after them,
of OpenTelemetry's semantic conventions 1.27 to 1.37, in which they began. OpenLLMetry's are those of its
`opentelemetry-semantic-conventions-ai` 0.4 and 0.5. Langfuse's and the Vercel AI SDK's are those of their documentation.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from openinference.semconv.resource import ResourceAttributes
from openinference.semconv.trace import (
    ChoiceAttributes,
    DocumentAttributes,
    EmbeddingAttributes,
    MessageAttributes,
    MessageContentAttributes,
    PromptAttributes,
    RerankerAttributes,
    SpanAttributes,
    ToolAttributes,
    ToolCallAttributes,
)

from pipeline.spans import SPAN_KINDS, SpanKind

Convention = Literal["openinference", "gen_ai", "openllmetry", ""]
"""Whose names a span's attributes have; empty for nobody's that is known."""

Keys = tuple[str, ...]
"""Names of one thing, the first that is there counts."""

PREFIXES: tuple[tuple[Convention, Keys], ...] = (
    ("openinference", ("openinference.", "llm.input_messages", "llm.output_messages", "retrieval.", "reranker.")),
    ("openllmetry", ("traceloop.", "llm.request.type", "db.query.", "db.vector.query.", "gen_ai.prompt.0.")),
    ("gen_ai", ("gen_ai.",)),
    ("openinference", ("input.value", "output.value", "embedding.", "llm.")),
)
"""By how a name begins, whose it is; the first of these of which a span has one."""

# Kinds

OPENINFERENCE_KIND = SpanAttributes.OPENINFERENCE_SPAN_KIND
OPERATION = "gen_ai.operation.name"
TRACELOOP_KIND = "traceloop.span.kind"
REQUEST_TYPE = "llm.request.type"
LANGFUSE_KIND = "langfuse.observation.type"
VERCEL_OPERATION = "ai.operationId"

_same: dict[str, SpanKind] = {kind: kind for kind in SPAN_KINDS}

KINDS: tuple[tuple[str, Mapping[str, SpanKind]], ...] = (
    (OPENINFERENCE_KIND, MappingProxyType(_same)),
    (
        OPERATION,
        MappingProxyType(
            {
                "chat": "llm",
                "text_completion": "llm",
                "generate_content": "llm",
                "embeddings": "embedding",
                "retrieval": "retriever",
                "vector_db_retrieve": "retriever",
                "rerank": "reranker",
                "execute_tool": "tool",
                "invoke_agent": "agent",
                "create_agent": "agent",
                "invoke_workflow": "chain",
                "execute_task": "chain",
            }
        ),
    ),
    (
        REQUEST_TYPE,
        MappingProxyType({"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"}),
    ),
    (
        VERCEL_OPERATION,
        MappingProxyType(
            {
                "ai.generateText": "chain",
                "ai.streamText": "chain",
                "ai.generateObject": "chain",
                "ai.streamObject": "chain",
                "ai.generateText.doGenerate": "llm",
                "ai.streamText.doStream": "llm",
                "ai.generateObject.doGenerate": "llm",
                "ai.streamObject.doStream": "llm",
                "ai.embed": "chain",
                "ai.embedMany": "chain",
                "ai.embed.doEmbed": "embedding",
                "ai.embedMany.doEmbed": "embedding",
                "ai.toolCall": "tool",
            }
        ),
    ),
    (LANGFUSE_KIND, MappingProxyType({**_same, "generation": "llm"})),
    (TRACELOOP_KIND, MappingProxyType({**_same, "workflow": "chain", "task": "chain"})),
)
"""By name, what a span does for each of its values, in lower case where the name's owner does not mind."""

# What a span was given and what it returned

INPUT: Keys = (
    SpanAttributes.INPUT_VALUE,
    "traceloop.entity.input",
    "gen_ai.task.input",
    "langfuse.observation.input",
    "langfuse.trace.input",
    "gen_ai.tool.call.arguments",
    "ai.prompt",
    "ai.value",
    "ai.toolCall.args",
)
OUTPUT: Keys = (
    SpanAttributes.OUTPUT_VALUE,
    "traceloop.entity.output",
    "gen_ai.task.output",
    "langfuse.observation.output",
    "langfuse.trace.output",
    "gen_ai.tool.call.result",
    "ai.response.text",
    "ai.response.object",
    "ai.result.text",
    "ai.toolCall.result",
)
MIME_TYPES: Keys = (SpanAttributes.INPUT_MIME_TYPE, SpanAttributes.OUTPUT_MIME_TYPE)

# Documents. The indexed ones are prefixes of `.{i}.document.*`.

DOCUMENTS: Keys = (
    RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS,
    SpanAttributes.RETRIEVAL_DOCUMENTS,
    SpanAttributes.OUTPUT_DOCUMENTS,
)
DOCUMENTS_BEFORE: Keys = (RerankerAttributes.RERANKER_INPUT_DOCUMENTS, SpanAttributes.INPUT_DOCUMENTS)
DOCUMENTS_JSON: Keys = ("gen_ai.retrieval.documents",)
DOCUMENT_ID = DocumentAttributes.DOCUMENT_ID
DOCUMENT_TEXT = DocumentAttributes.DOCUMENT_CONTENT
DOCUMENT_SCORE = DocumentAttributes.DOCUMENT_SCORE
DOCUMENT_METADATA = DocumentAttributes.DOCUMENT_METADATA
DOCUMENT_TITLE = DocumentAttributes.DOCUMENT_NAME
DOCUMENT_URL = DocumentAttributes.DOCUMENT_URL

RESULT_EVENTS: Keys = ("db.query.result", "db.search.result")
"""Events of which each is a document that a vector store found; their attributes begin with the event's name, or do without it."""

QUERY: Keys = (RerankerAttributes.RERANKER_QUERY, "gen_ai.retrieval.query.text", "gen_ai.retrieval.query")
TOP_K: Keys = (
    RerankerAttributes.RERANKER_TOP_K,
    "gen_ai.retrieval.top_k",
    "db.vector.query.top_k",
    "pinecone.query.top_k",
    "db.chroma.query.n_results",
    "db.milvus.query.limit",
)
REQUEST_TOP_K = "gen_ai.request.top_k"
"""Of a retriever how many documents, in an earlier version; of a model how many tokens it draws from."""

EMBEDDINGS = SpanAttributes.EMBEDDING_EMBEDDINGS
EMBEDDING_TEXT = EmbeddingAttributes.EMBEDDING_TEXT
EMBEDDING_VECTOR = EmbeddingAttributes.EMBEDDING_VECTOR

# Messages and prompts. The indexed ones are prefixes of `.{i}.*`.

MESSAGES_IN = SpanAttributes.LLM_INPUT_MESSAGES
MESSAGES_OUT = SpanAttributes.LLM_OUTPUT_MESSAGES
MESSAGE_ROLE = MessageAttributes.MESSAGE_ROLE
MESSAGE_TEXT = MessageAttributes.MESSAGE_CONTENT
MESSAGE_PARTS = MessageAttributes.MESSAGE_CONTENTS
MESSAGE_PART_TEXT = MessageContentAttributes.MESSAGE_CONTENT_TEXT
MESSAGE_TOOL_CALLS = MessageAttributes.MESSAGE_TOOL_CALLS
MESSAGE_FUNCTION = MessageAttributes.MESSAGE_FUNCTION_CALL_NAME
MESSAGE_ARGUMENTS = MessageAttributes.MESSAGE_FUNCTION_CALL_ARGUMENTS_JSON
TOOL_CALL_ID = ToolCallAttributes.TOOL_CALL_ID
TOOL_CALL_NAME = ToolCallAttributes.TOOL_CALL_FUNCTION_NAME
TOOL_CALL_ARGUMENTS = ToolCallAttributes.TOOL_CALL_FUNCTION_ARGUMENTS_JSON

PROMPTS = SpanAttributes.LLM_PROMPTS
PROMPT_TEXT = PromptAttributes.PROMPT_TEXT
CHOICES = SpanAttributes.LLM_CHOICES
CHOICE_TEXT = ChoiceAttributes.COMPLETION_TEXT

EARLY_MESSAGES_IN = "gen_ai.prompt"
EARLY_MESSAGES_OUT = "gen_ai.completion"
"""Both indexed (`.{i}.role`, `.{i}.content`, `.{i}.tool_calls.{j}.name`), and both the text of an event, in earlier versions."""

MESSAGES_IN_JSON: Keys = ("gen_ai.input.messages", "ai.prompt.messages")
MESSAGES_OUT_JSON: Keys = ("gen_ai.output.messages",)
SYSTEM_JSON = "gen_ai.system_instructions"

MESSAGE_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "gen_ai.system.message": "system",
        "gen_ai.user.message": "user",
        "gen_ai.assistant.message": "assistant",
        "gen_ai.tool.message": "tool",
    }
)
"""Events of which each is a message sent to a model, by its role."""
CHOICE_EVENT = "gen_ai.choice"
PROMPT_EVENT = "gen_ai.content.prompt"
COMPLETION_EVENT = "gen_ai.content.completion"
DETAILS_EVENT = "gen_ai.client.inference.operation.details"
"""An event that holds attributes which are too long for a span."""

TEMPLATE: Keys = (SpanAttributes.LLM_PROMPT_TEMPLATE, "traceloop.prompt.template")
VARIABLES: Keys = (SpanAttributes.LLM_PROMPT_TEMPLATE_VARIABLES, "traceloop.prompt.template_variables")

VARIABLE_PREFIXES: Keys = ("gen_ai.prompt.variable.",)
"""Names of single variables begin so."""

# Models

MODEL: Keys = (
    SpanAttributes.LLM_MODEL_NAME,
    SpanAttributes.EMBEDDING_MODEL_NAME,
    RerankerAttributes.RERANKER_MODEL_NAME,
    SpanAttributes.LLM_RESPONSE_MODEL_NAME,
    "gen_ai.response.model",
    SpanAttributes.LLM_REQUEST_MODEL_NAME,
    "gen_ai.request.model",
    "langfuse.observation.model.name",
    "ai.response.model",
    "ai.model.id",
)
PROVIDER: Keys = (
    SpanAttributes.LLM_PROVIDER,
    "gen_ai.provider.name",
    "gen_ai.system",
    SpanAttributes.LLM_SYSTEM,
    "ai.model.provider",
)
PARAMETERS: Keys = (
    SpanAttributes.LLM_INVOCATION_PARAMETERS,
    SpanAttributes.EMBEDDING_INVOCATION_PARAMETERS,
    "langfuse.observation.model.parameters",
)
PARAMETER_PREFIXES: Keys = ("gen_ai.request.", "gen_ai.embeddings.", "ai.settings.")
"""Names of single parameters begin so."""

PROMPT_TOKENS: Keys = (
    SpanAttributes.LLM_TOKEN_COUNT_PROMPT,
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.usage.prompt_tokens",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
)
COMPLETION_TOKENS: Keys = (
    SpanAttributes.LLM_TOKEN_COUNT_COMPLETION,
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
)
TOTAL_TOKENS: Keys = (
    SpanAttributes.LLM_TOKEN_COUNT_TOTAL,
    "gen_ai.usage.total_tokens",
    "llm.usage.total_tokens",
    "ai.usage.totalTokens",
)
FINISH_REASON: Keys = (
    SpanAttributes.LLM_FINISH_REASON,
    "gen_ai.response.finish_reasons",
    "gen_ai.response.finish_reason",
    "llm.response.finish_reason",
    "ai.response.finishReason",
)

TOOLS = SpanAttributes.LLM_TOOLS
TOOL_SCHEMA = ToolAttributes.TOOL_JSON_SCHEMA
TOOLS_JSON: Keys = ("gen_ai.tool.definitions", "ai.prompt.tools")
TOOL_NAME: Keys = (SpanAttributes.TOOL_NAME, "gen_ai.tool.name", "ai.toolCall.name")

# Whose a trace is

SESSION: Keys = (
    SpanAttributes.SESSION_ID,
    "langfuse.session.id",
    "gen_ai.conversation.id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "ai.telemetry.metadata.sessionId",
)
USER: Keys = (
    SpanAttributes.USER_ID,
    "langfuse.user.id",
    "enduser.id",
    "gen_ai.user",
    "llm.user",
    "traceloop.association.properties.user_id",
    "ai.telemetry.metadata.userId",
)
TAGS: Keys = (SpanAttributes.TAG_TAGS, "langfuse.trace.tags", "ai.telemetry.metadata.tags")
METADATA: Keys = (SpanAttributes.METADATA,)
METADATA_PREFIXES: Keys = (
    "langfuse.trace.metadata.",
    "langfuse.observation.metadata.",
    "traceloop.association.properties.",
    "ai.telemetry.metadata.",
)
"""What follows these is a name of the sender's own."""

SERVICE = "service.name"
PROJECT = ResourceAttributes.PROJECT_NAME
UNNAMED_SERVICE = "unknown_service"
"""How OpenTelemetry names a service that has no name; a program's may follow."""

SCOPE = "otel.scope.name"
DROPPED = "otel.dropped_attributes_count"
"""Where these two stand in formats that have no place for them: OpenTelemetry's mapping to others."""

ERROR_TYPE = "error.type"
ERROR_MESSAGE = "error.message"
EXCEPTION_EVENT = "exception"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
