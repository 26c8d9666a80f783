"""An address that is no page's: what the server tells the Overview of it, and what that says."""

NOWHERE = "nowhere"
"""In the address of the Overview: what was asked for in its place."""

MOST_CHARS = 60
"""Of what was asked for, as it is shown."""


def nowhere_words(asked: str) -> str:
    """That there is no such page."""
    return f"There is no page “{asked[:MOST_CHARS]}” here. This is the Overview; the menu leads to the others."
