"""Lists of commands say what each does, whole."""

from click.testing import CliRunner

from app.shell.main import main


def test_help_cuts_no_sentence() -> None:
    for group in ([], ["eval"], ["traces"], ["lab"], ["corpus"]):
        listed = CliRunner().invoke(main, [*group, "--help"]).output.partition("Commands:")[2]
        assert listed.strip()
        assert "..." not in listed
