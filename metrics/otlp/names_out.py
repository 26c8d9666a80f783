"""Names of what we send, beyond those of `openinference.semconv`: OpenTelemetry's for generative AI, and our own.

OpenTelemetry's are those of its GenAI conventions, in development: https://github.com/open-telemetry/semantic-conventions-genai.
"""

GEN_AI_OPERATION = "gen_ai.operation.name"
"""What a span does: one of the three operations below."""

EMBEDDINGS, RETRIEVAL, TEXT_COMPLETION = "embeddings", "retrieval", "text_completion"
"""Operations. There is none for a reranker."""

GEN_AI_PROVIDER = "gen_ai.provider.name"
"""Who runs the model: our backend."""

GEN_AI_REQUEST_MODEL = "gen_ai.request.model"
"""The model that was asked."""

GEN_AI_DIMENSIONS = "gen_ai.embeddings.dimension.count"
"""Numbers in a vector."""

GEN_AI_CONVERSATION = "gen_ai.conversation.id"
"""The session."""

GEN_AI_QUERY = "gen_ai.retrieval.query.text"
"""What was searched for."""

GEN_AI_DOCUMENTS = "gen_ai.retrieval.documents"
"""What was found: JSON of ids and scores."""

GEN_AI_TOP_K, GEN_AI_TOP_K_EARLIER = "gen_ai.retrieval.top_k", "gen_ai.request.top_k"
"""How many documents were asked for, by its name and by its earlier one."""

GEN_AI_DATA_SOURCE = "gen_ai.data_source.id"
"""What was searched: our index's fingerprint."""

GEN_AI_MESSAGES_IN, GEN_AI_MESSAGES_OUT = "gen_ai.input.messages", "gen_ai.output.messages"
"""The prompt and the answer: JSON of messages of parts."""

GEN_AI_TOKENS_IN, GEN_AI_TOKENS_OUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
"""Tokens read and written."""

GEN_AI_FINISH_REASONS = "gen_ai.response.finish_reasons"
"""Why the answer ended: a list of one."""

FINISH_REASON = "llm.finish_reason"
"""The same in OpenInference's words, as text."""

OWN = "raglass."
"""What all names of ours begin with: `raglass.backend`, `raglass.confidence`, `raglass.settings.top_k`, …"""
