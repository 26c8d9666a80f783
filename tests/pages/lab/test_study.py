"""The factorial's form: a plan that cannot be read is said, and leaves the button that plans what is put right."""

import pytest

from app.services import Services

PLAN = 'dataset = "builtin"\nquestions = 3\n\n[factors]\ntop_k = [1, 3]\n'


def press(page, label: str):
    return next(button for button in page.button if button.label == label).click().run()


def labels(page) -> list[str]:
    return [button.label for button in page.button]


@pytest.mark.slow
def test_a_plan_that_is_no_toml_is_said_and_can_be_put_right(open_page, services: Services):
    page = open_page("lab", study="study")
    page.text_area(key="study_plan").set_value("factors = [").run()
    assert "The plan is no TOML" in page.error[0].value
    press(page, "Plan")
    assert not page.exception
    assert len(page.error) == 1
    assert "Plan" in labels(page)
    assert "Start" not in labels(page)
    assert services.lab.records.newest() == []
    page.text_area(key="study_plan").set_value(PLAN).run()
    press(page, "Plan")
    assert not page.error
    assert "Start" in labels(page)
