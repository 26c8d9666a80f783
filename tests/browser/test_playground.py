"""What a person does in the playground: a trace's chunks and prompt changed, asked again, the prompt saved, a dataset run with it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Dashboard, rest, start, write_plugin

PLUGIN = """
from dataclasses import replace

from backends.fake import Script, ScriptedBackend
from pipeline.prompts import DEFAULT
from pipeline.types import Token


class Told(ScriptedBackend):
    def with_prompt(self, prompt):
        return Told(replace(self.script, prompt=prompt), name=self.name)

    def answer_from(self, question, chunks, *, deadline_s):
        said = f"Sentence {chunks[0].text.split()[1]}" + (", in short." if "Be short" in self.prompt.text else " of the script.")
        made = super().answer_from(question, chunks, deadline_s=deadline_s)
        return replace(made, answer=said, tokens=(Token(said, -0.1),))


def told(config):
    return Told(Script(prompt=DEFAULT), name="test/told")
"""


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a backend that says what the first chunk and its prompt make it say."""
    packages = tmp_path_factory.mktemp("packages")
    write_plugin(packages, PLUGIN, "test/told = told")
    process, running = start(tmp_path_factory.mktemp("data"), PYTHONPATH=str(packages), RAGLASS_BACKEND="test/told")
    yield running
    process.terminate()
    process.wait(30)


def test_trace_is_asked_again_with_other_chunks_and_words_which_are_saved_and_run(visit):
    window = visit()
    page = window.go()
    window.ask("What says the script?")
    page.get_by_role("link", name="Link to this trace").click()
    page.wait_for_url("**/traces?trace=*")
    rest(page)
    page.get_by_text("Change something and ask again").click()
    first = page.get_by_text("1. Document 1", exact=True)
    expect(first).to_be_visible()
    rest(page)
    first.click()
    rest(page)
    told = page.get_by_role("textbox", name="What the generator is told")
    told.fill("Be short.\n\n{context}\n\n{question}")
    told.press("Control+Enter")
    rest(page)
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_role("heading", name="What that did")).to_be_visible()
    expect(page.get_by_text("The answers differ", exact=False)).to_be_visible()
    expect(page.get_by_test_id("before").locator("mark")).to_have_text(["1 of the script."])
    expect(page.get_by_test_id("now").locator("mark")).to_have_text(["2, in short."])
    rest(page)
    name = page.get_by_label("Save this prompt as")
    name.fill("short")
    name.press("Enter")
    rest(page)
    page.get_by_role("button", name="Save as version").click()
    expect(page.get_by_text("is version 1 of short", exact=False)).to_be_visible()
    page.get_by_role("link", name="Run a dataset with this prompt").click()
    page.wait_for_url("**/runs?*prompt=short*")
    expect(page.get_by_role("combobox", name="Prompt")).to_have_value("short")
    page.go_back()
    page.wait_for_url("**/traces?trace=*")
    assert window.elsewhere == []
    assert window.dialogs == []
