"""What a trace costs by the token, and what is not known of it. Prices are of the committed table: dollars a million tokens, in and out."""

from dataclasses import replace

import pytest

from metrics.token_costs import TokenCost, cost_of
from pipeline.spans import Span
from pipeline.types import Generation, Trace
from tests.factories import make_trace


def asked(generator: str, tokens_in: int = 1_000, tokens_out: int | None = 100) -> Trace:
    made = Generation("x", (), tokens_in, "stop", prompt="p", completion_tokens=tokens_out)
    return replace(make_trace(), generation=made, settings={"generator": generator})


def cost(trace: Trace) -> TokenCost:
    found = cost_of(trace)
    assert found is not None
    return found


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"])
def test_tokens_are_priced_by_the_model_whatever_its_snapshot(model: str) -> None:
    # 1,000 at 0.15 and 100 at 0.60.
    assert cost(asked(f"openai:{model}")).usd == pytest.approx(0.00015 + 0.00006)


@pytest.mark.parametrize(
    ("trace", "usd", "model"),
    [
        (asked("openai:gpt-4o-mini@proxy:8080"), 0, "gpt-4o-mini@proxy:8080"),
        (asked("openai:tomorrow"), 0, "tomorrow"),
        (asked("openai:gpt-4o-mini", tokens_in=0, tokens_out=None), 0, "gpt-4o-mini"),
        (asked("openai:gpt-4o-mini", tokens_in=0), 0.00006, "gpt-4o-mini"),
        (asked("openai:gpt-4o-mini", tokens_out=None), 0.00015, "gpt-4o-mini"),
        (asked("openai:gpt-4o-mini", tokens_out=10**12), 0.00015, "gpt-4o-mini"),
    ],
    ids=["another host", "no price", "nobody counted", "no count of the prompt", "no count of the answer", "absurd"],
)
def test_what_is_not_known_is_said_and_not_taken_for_nothing(trace: Trace, usd: float, model: str) -> None:
    assert cost(trace).usd == pytest.approx(usd)
    assert cost(trace).unknown == (model,)


@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0", "global.amazon.nova-lite-v1:0"])
def test_a_models_price_holds_wherever_bedrock_runs_it(model: str) -> None:
    # 1,000 at 0.06 and 100 at 0.24.
    assert cost(asked(f"bedrock:{model}")).usd == pytest.approx(0.00006 + 0.000024)


def llm(span_id: str, parent_id: str | None, read: int | None) -> Span:
    attributes = {"gen_ai.request.model": "gpt-4o"} | ({} if read is None else {"gen_ai.usage.input_tokens": read})
    attributes |= {} if read is None else {"gen_ai.usage.output_tokens": 0}
    return Span("", 0, 1, attributes, span_id=span_id * 16, kind="llm", parent_id=parent_id and parent_id * 16)


@pytest.mark.parametrize(
    "spans",
    [
        (llm("a", None, 100), llm("b", "a", 100)),
        (llm("a", None, None), llm("b", "a", 100)),
        (llm("a", None, 100), llm("b", "a", None)),
        (llm("a", "b", 100), llm("b", "a", None)),
    ],
    ids=["both counted", "only within", "only around", "in a circle"],
)
def test_a_call_that_two_instrumentations_tell_of_counts_once(spans: tuple[Span, ...]) -> None:
    found = cost(replace(make_trace(), spans=spans, origin="application"))
    assert (found.usd, found.unknown) == (pytest.approx(100 * 2.5 / 1e6), ())


def test_model_that_runs_here_has_no_cost_by_the_token() -> None:
    assert cost_of(asked("google/flan-t5-base")) is None
    assert cost_of(replace(asked("openai:gpt-4o"), generation=None)) is None


def test_calls_of_another_application_are_added_up() -> None:
    llm = {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10}
    embedding = {"gen_ai.request.model": "text-embedding-3-small", "gen_ai.usage.input_tokens": 100}
    mystery = {"gen_ai.request.model": "house-model", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 5}
    spans = (
        Span("generate", 0, 1, llm, span_id="a" * 16, kind="llm"),
        Span("embed", 0, 1, embedding, span_id="b" * 16, kind="embedding"),
        Span("", 0, 1, mystery, span_id="c" * 16, kind="llm"),
    )
    found = cost(replace(make_trace(), spans=spans, origin="application"))
    # 1,000 at 2.50, 10 at 10, 100 at 0.02.
    assert found.usd == pytest.approx((2_500 + 100 + 2) / 1e6)
    assert found.unknown == ("house-model",)
