"""What `make rehearse` gives another shell."""

import stat
import subprocess
from pathlib import Path

from serving.rehearsal.__main__ import write_shell_file


def test_a_shell_gets_every_value_as_it_is_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    environ = {"RAGLASS_API_URL": "http://127.0.0.1:1/$default", "AWS_SESSION_TOKEN": 'it\'s "quoted" `x`'}
    path = write_shell_file(tmp_path, environ)
    script = f'. {path}; printf "%s|%s|%s" "$RAGLASS_API_URL" "$AWS_SESSION_TOKEN" "$AWS_PROFILE"'
    found = subprocess.run(
        ["sh", "-c", script], env={"AWS_PROFILE": "mine"}, capture_output=True, text=True, check=True
    ).stdout
    assert found == 'http://127.0.0.1:1/$default|it\'s "quoted" `x`|'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
