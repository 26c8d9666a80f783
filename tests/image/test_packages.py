"""pip's settings on the way into a build."""

from pathlib import Path

from serving.image.packages import parse_pip_settings


def test_nothing_out_of_the_ordinary_needs_no_file() -> None:
    assert parse_pip_settings("").text == ""
    assert parse_pip_settings("global.quiet='1'\n").text == ""


def test_variables_of_the_environment_win_over_files() -> None:
    listed = ":env:.timeout='60'\nglobal.timeout='10'\nglobal.proxy='http://proxy.example:8080'\n"
    assert parse_pip_settings(listed).text == "[global]\nproxy = http://proxy.example:8080\ntimeout = 60\n"


def test_several_values_stand_on_one_line() -> None:
    assert (
        "trusted-host = a.example b.example\n"
        in parse_pip_settings("global.trusted-host='a.example\\nb.example'\n").text
    )


def test_folders_of_this_machine_are_told_and_an_index_with_what_lies_beside_it(tmp_path: Path) -> None:
    wheels, index, missing = tmp_path / "wheels", tmp_path / "mirror" / "simple", tmp_path / "gone"
    wheels.mkdir()
    index.mkdir(parents=True)
    listed = f"global.find-links='{wheels} {missing}'\nglobal.extra-index-url='file://{index} https://index.example/simple'\n"
    assert parse_pip_settings(listed).paths == (index.parent, wheels)
