"""What the browser side of a page's tables is sent."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def tables(page: AppTest) -> list[dict[str, Any]]:
    """The tables of a page that ran, in their order."""
    drawn = [json.loads(each.proto.json) for each in page.get("bidi_component")]
    return [each for each in drawn if "columns" in each]


def listed(page: AppTest, label: str = "") -> list[dict[str, str]]:
    """The rows of the first table, or of the first whose label begins so, each by its heads; none where there is no such table."""
    assert not page.exception
    for table in tables(page):
        if table["label"].startswith(label):
            heads = {column["name"]: column["head"] for column in table["columns"]}
            return [
                {head: row["cells"][name]["text"] for name, head in heads.items() if name in row["cells"]}
                for row in table["rows"]
            ]
    return []
