"""Mail to documents."""

from email.message import EmailMessage

import pytest

from backends.local.documents import read_documents
from pipeline.errors import InputError
from tests.documents.one import read_document

SENT = "From: Ann <ann@example.org>; Date: Fri, 01 Mar 2024 10:00:00 +0000"


def mail(text: str, subtype: str = "plain") -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"] = "Die Übergabe", "Ann <ann@example.org>"
    made["Date"] = "Fri, 01 Mar 2024 10:00:00 +0000"
    made.set_content(text, subtype=subtype)
    return made


@pytest.mark.parametrize(
    "quoted",
    [
        "On Thu, 29 Feb 2024 at 10:00, Bob <bob@example.org>\nwrote:\n> Which colour\n> is it?\n>> Older.\n",
        "Am 29.02.2024 um 10:00 schrieb Bob:\n\n> Which colour\n> is it?\n>> Older.\n",
        "-----Original Message-----\nWhich colour\nis it?\nOlder.\n",
    ],
)
def test_what_is_quoted_below_a_mail_stands_apart(quoted: str) -> None:
    document = read_document("a.eml", mail(f"Hello Bob,\n\nthe pump is red.\n\n{quoted}").as_bytes())
    assert document.title == "Die Übergabe"
    assert (
        document.text == f"{SENT}\n\nHello Bob,\n\nthe pump is red.\n\nEarlier messages\nWhich colour\nis it?\nOlder."
    )
    assert document.parts[-1].section == ("Earlier messages",)


def test_quotes_that_are_answered_below_them_stay_and_so_does_the_signature() -> None:
    document = read_document("a.eml", mail("> Which colour\n> is it?\nRed.\n\n-- \nAnn\n").as_bytes())
    assert document.text == f"{SENT}\n\n> Which colour is it?\n\nRed.\n\nAnn"


def test_a_page_in_a_mail_is_read_without_the_message_that_it_quotes() -> None:
    page = "<p>It is <b>red</b>.</p><div class=gmail_quote><blockquote>Which colour?</blockquote></div>"
    document = read_document("a.eml", mail(page, "html").as_bytes())
    assert document.text == f"{SENT}\n\nIt is red.\n\nEarlier messages\nWhich colour?"


@pytest.mark.parametrize("charset", ["iso-8859-2", "utf-8", "no-such-charset"])
def test_the_charset_is_honoured(charset: str) -> None:
    encoded = "Łucja Śliwińska".encode("utf-8" if charset == "no-such-charset" else charset)
    head = f"Subject: =?iso-8859-2?Q?=B3=F3d=BC?=\nFrom: a@example.org\nContent-Type: text/plain; charset={charset}\n\n"
    document = read_document("a.eml", head.encode() + encoded)
    assert (document.title, document.text.split("\n\n")[1]) == ("łódź", "Łucja Śliwińska")


def test_attached_files_are_documents_and_those_of_no_known_format_are_told() -> None:
    made = mail("See there.")
    made.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="t.csv")
    made.add_attachment(b"c,d\n3,4\n", maintype="text", subtype="csv", filename="t.csv")
    made.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="p.png")
    made.add_attachment(b"no PDF", maintype="application", subtype="pdf", filename="r.pdf")
    made.add_attachment(mail("Sent on."))
    found = read_documents("a.eml", made.as_bytes(), max_bytes=10_000_000)
    assert [(document.source, document.text) for document in found] == [
        ("a.eml", f"{SENT}\n\nSee there."),
        ("a.eml!/t.csv", "a: 1; b: 2"),
        ("a.eml!/(2) t.csv", "c: 3; d: 4"),
        ("a.eml!/Die Übergabe.eml", f"{SENT}\n\nSent on."),
    ]
    assert found[0].doubts == (
        "Attached, of no format that is read: p.png. Save what is needed of them as text, and add that.",
        "r.pdf is not a PDF but something else. Add the PDF itself, or give the file its right suffix.",
    )


def test_text_that_is_no_mail_is_broken() -> None:
    with pytest.raises(InputError, match="is broken: it cannot be read as e-mail"):
        read_document("a.eml", b"Hello, this is no mail.")


def test_a_quote_below_the_signature_stands_apart_and_who_the_mail_went_to_is_kept() -> None:
    made = mail("It is red.\n\n-- \nAnn\n\nOn Thu, 29 Feb 2024 at 10:00, Bob <b@example.org> wrote:\n> Which colour?\n")
    made["To"], made["Cc"] = "Bob <b@example.org>", "Cy <c@example.org>"
    document = read_document("a.eml", made.as_bytes())
    assert document.text == (
        "From: Ann <ann@example.org>; To: Bob <b@example.org>; Cc: Cy <c@example.org>; Date: Fri, 01 Mar 2024 10:00:00 +0000"
        "\n\nIt is red.\n\nAnn\n\nEarlier messages\nWhich colour?"
    )
