"""The Explain page's picture of the attention: drawn on request, its layer and head in the address."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.services import Services
from tests.app.attentive import AttentiveBackend

Open = Callable[..., AppTest]


def ask(services: Services) -> str:
    return services.asking.ask(services.asking.question("Who?")).trace.trace_id


def chart_titles(test: AppTest) -> str:
    return " ".join(each.proto.body for each in test.get("html") if "rg-chart-title" in each.proto.body)


@pytest.mark.slow
def test_a_picture_is_drawn_on_request_and_a_link_chooses_its_layer_and_head(
    services: Services, open_page: Open
) -> None:
    services.backends.open("fake").__class__ = AttentiveBackend
    test = open_page("explain", trace=ask(services), layer="2", head="3")
    assert "Layer" not in [box.label for box in test.selectbox]
    next(button for button in test.button if button.label == "Picture the attention").click().run()
    assert not test.exception
    layer, head = test.selectbox(key="layer"), test.selectbox(key="head")
    assert (layer.value, head.value) == ("2", "3")
    # Only the first token is looked at there, and only it matters.
    assert "rank tokens mostly alike" in chart_titles(test)
    assert "Picture the attention" not in [button.label for button in test.button]
    layer.select("mean").run()
    assert "layer" not in test.query_params
    assert "".join(test.query_params["head"]) == "3"
    test.selectbox(key="head").select("1").run()
    assert "cannot be said" in chart_titles(test) or "does not tell" in chart_titles(test)


@pytest.mark.slow
def test_parts_that_a_backend_cannot_fill_have_no_tab_and_details_say_what_could(
    services: Services, open_page: Open
) -> None:
    test = open_page("explain", trace=ask(services))
    (said,) = [each.proto.body for each in test.get("html") if "not shown" in each.proto.body]
    assert "“Inside the model” and “Attention” are not shown" in said
    assert "local/research" in said
    assert [each.label for each in test.tabs] == [
        "What each chunk did",
        "Do the chunks say it?",
        "How sure was it?",
        "Details",
    ]
    assert "Picture the attention" not in [button.label for button in test.button]
