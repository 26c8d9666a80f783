"""What the command line of `tests.pictures` asks for, and the colours of what it writes."""

from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import FOLDER, in_few_colours, read_arguments


def test_without_a_word_the_pictures_are_the_readmes() -> None:
    asked = read_arguments([])
    assert asked.is_usual
    assert asked.out == FOLDER
    assert asked.name("runs", 1280, "light") == "runs"


def test_widths_and_themes_stand_in_the_names_where_they_are_asked_for() -> None:
    asked = read_arguments(["--widths", "1600,390", "--themes", "light,dark", "--out", "there"])
    assert (asked.widths, asked.themes, asked.out) == ((1600, 390), ("light", "dark"), Path("there"))
    assert not asked.is_usual
    assert asked.name("runs", 390, "dark") == "runs-390-dark"
    assert read_arguments(["--themes", "dark"]).name("runs", 1280, "dark") == "runs-dark"


@pytest.mark.parametrize("wrong", [["--widths", "wide"], ["--widths", "1280,0"], ["--themes", "sepia"]])
def test_what_is_no_window_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        read_arguments(wrong)
    assert left.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_a_small_dot_keeps_its_colour_among_many_shades() -> None:
    still, dot = Image.radial_gradient("L").convert("RGB"), (0, 158, 115)
    still.putpixel((3, 3), dot)
    assert in_few_colours(still).convert("RGB").getpixel((3, 3)) == dot


def test_a_flat_ground_keeps_its_colour_among_many_others() -> None:
    ground = (243, 245, 247)
    still = Image.new("RGB", (200, 200), ground)
    still.paste(Image.linear_gradient("L").convert("RGB").resize((90, 90)), (10, 10))
    still.paste(Image.radial_gradient("L").convert("RGB").resize((90, 90)).rotate(40), (105, 105))
    assert in_few_colours(still).convert("RGB").getpixel((199, 0)) == ground
