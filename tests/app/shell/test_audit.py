"""`raglass audit`."""

import json
from collections.abc import Callable

from click.testing import Result


def test_what_is_changed_in_a_shell_is_noted_as_its_users(run: Callable[..., Result]) -> None:
    assert "Nothing was changed" in run("audit").output
    made = run("keys", "create", "shop")
    assert made.exit_code == 0
    [entry] = json.loads(run("audit", "--json").output)
    assert (entry["did"], entry["subject"]) == ("made a key to ingest", "shop")
    assert entry["who"].endswith(" in a shell")
    assert made.output.split()[0] not in str(entry)
    assert "made a key to ingest  shop" in run("audit").output
