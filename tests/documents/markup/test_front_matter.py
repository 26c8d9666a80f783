"""What a Markdown document may begin with."""

import pytest

from backends.local.documents.markup.front_matter import split_front_matter


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: 'Anna''s notes' # draft\n---\nBody", "Anna's notes"),
        ("---\nlayout: post\ntitle: Pumps: a guide\n---\nBody", "Pumps: a guide"),
        ("---\nTitle: 2024\ntags: [a, b]\n...\nBody", "2024"),
        ("---\nlayout: post\n---\nBody", ""),
        ('+++\ntitle = "Deploy guide"\ndate = 2024-01-02\n+++\nBody', "Deploy guide"),
    ],
)
def test_front_matter_gives_the_title_and_is_no_text(text: str, title: str) -> None:
    assert split_front_matter(text) == (title, "Body")


@pytest.mark.parametrize(
    "text",
    [
        "---\n\n# No front matter\n\nOne.\n\n---\n\nTwo.",
        "---\nOnly a sentence.\n---\nTwo.",
        "---\nNote that this: is prose\n---\nTwo.",
        "---\ntitle: never closed\n\nTwo.",
        "+++\nno toml\n+++\nTwo.",
        "---\n" + "[" * 5_000 + "\n---\nTwo.",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert split_front_matter(text) == ("", text)
