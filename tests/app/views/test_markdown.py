"""Messages of ours: commands are set as code, what came from outside stays as it is."""

import pytest

from app.views.kit.markdown import literal, message


def test_a_command_is_set_as_code_and_the_rest_is_literal() -> None:
    assert message("No run *yet*. `raglass eval run` starts one.") == (
        f"{literal('No run *yet*. ')}`raglass eval run`{literal(' starts one.')}"
    )


@pytest.mark.parametrize("text", ["one ` alone", "`` empty", "a `b` c `"])
def test_backticks_that_do_not_match_are_literal(text: str) -> None:
    assert message(text) == literal(text)
