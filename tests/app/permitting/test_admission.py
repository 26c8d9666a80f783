"""Who is let in on the pages, with which role, and what is said to who is not."""

from dataclasses import replace
from typing import Any

import pytest

from app.config import Settings
from app.permitting.admission import Admission, NotSignedIn, is_beyond
from app.permitting.roles import MACHINE, NotPermitted, Role
from pipeline.errors import ConfigError

LOGIN = {
    "oidc_issuer": "https://login.example.com",
    "oidc_client_id": "raglass",
    "oidc_client_secret": "s3cret",
    "allow_people": "@example.com, guest@example.org",
    "editors": "eve@example.org",
    "admins": "Ada@Example.com",
}


def door(**changes: Any) -> Admission:
    return Admission(replace(Settings(), **changes))


def claims(email: object, **more: object) -> dict[str, object]:
    return {"is_logged_in": True, "email": email, "email_verified": True, **more}


def test_on_its_own_machine_a_dashboard_asks_nobody_who_they_are() -> None:
    assert door().admit({}) == MACHINE
    assert door().words() == ""


@pytest.mark.parametrize(
    "changes",
    [{"host": "0.0.0.0"}, {"host": "10.0.0.4"}, {"allowed_hosts": "raglass.example.com"}, {"allowed_hosts": "*"}],
    ids=["everywhere", "an address", "a proxy's name", "every name"],
)
def test_beyond_its_machine_nobody_is_let_in_until_it_is_said_who(changes: dict[str, Any]) -> None:
    with pytest.raises(NotPermitted, match=r"RAGLASS_OIDC_ISSUER.*RAGLASS_OPEN"):
        door(**changes).admit(claims("ada@example.com"))
    assert "nobody may" in door(**changes).words()


def test_names_of_this_machine_are_not_beyond_it() -> None:
    assert not is_beyond(replace(Settings(), allowed_hosts="localhost:8501, raglass.localhost"))


@pytest.mark.parametrize(
    ("value", "role"), [("1", Role.ADMIN), ("admin", Role.ADMIN), ("editor", Role.EDITOR), ("viewer", Role.VIEWER)]
)
def test_where_something_in_front_lets_people_in_they_have_the_role_that_is_said(value: str, role: Role) -> None:
    found = door(host="0.0.0.0", open=value)
    assert found.admit({}).role is role
    assert role.name.lower() in found.words()


@pytest.mark.parametrize(
    ("email", "role"),
    [
        ("ada@example.com", Role.ADMIN),
        ("ADA@EXAMPLE.COM", Role.ADMIN),
        ("eve@example.org", Role.EDITOR),
        ("bob@example.com", Role.VIEWER),
        ("guest@example.org", Role.VIEWER),
    ],
)
def test_people_have_the_highest_role_that_names_them(email: str, role: Role) -> None:
    found = door(**LOGIN).admit(claims(email))
    assert (found.name, found.role) == (email.casefold(), role)


@pytest.mark.parametrize(
    "email",
    [
        "mallory@example.net",
        "bob@sub.example.com",
        "bob@example.com.evil.net",
        "bob@evil-example.com",
        "guest@example.org@example.net",
        "ada@example.com ",
        "*",
        "@example.com",
        None,
        ["ada@example.com"],
    ],
)
def test_others_are_not_let_in(email: object) -> None:
    with pytest.raises(NotPermitted):
        door(**LOGIN).admit(claims(email))


@pytest.mark.parametrize("email", ["ada@fa\N{LATIN SMALL LETTER SHARP S}.example", "\N{KELVIN SIGN}im@fass.example"])
def test_letters_that_look_into_others_once_folded_make_another_address(email: str) -> None:
    with pytest.raises(NotPermitted, match="is not among those"):
        door(**{**LOGIN, "allow_people": "", "admins": "ada@fass.example, Kim@fass.example"}).admit(claims(email))


def test_everybody_whom_the_provider_signs_in_may_be_let_in() -> None:
    found = door(**{**LOGIN, "allow_people": "*"}).admit(claims("mallory@example.net"))
    assert found.role is Role.VIEWER


@pytest.mark.parametrize("given", [{}, {"is_logged_in": False}, {"email": "ada@example.com"}, {"is_logged_in": "yes"}])
def test_who_did_not_sign_in_is_asked_to_on_this_machine_too(given: dict[str, object]) -> None:
    with pytest.raises(NotSignedIn):
        door(**LOGIN).admit(given)


@pytest.mark.parametrize(
    ("verified", "trusts", "comes_in"),
    [(True, False, True), (False, False, False), (None, False, False), (None, True, True), (False, True, False)],
)
def test_an_address_counts_if_it_was_verified(verified: bool | None, trusts: bool, comes_in: bool) -> None:
    found = door(**LOGIN, oidc_trust_email=trusts)
    if comes_in:
        assert found.admit(claims("ada@example.com", email_verified=verified)).role is Role.ADMIN
        return
    with pytest.raises(NotPermitted, match="verified"):
        found.admit(claims("ada@example.com", email_verified=verified))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oidc_issuer": ""}, "RAGLASS_OIDC_ISSUER is not"),
        ({"oidc_client_secret": ""}, "RAGLASS_OIDC_CLIENT_SECRET"),
        ({"allow_people": "", "editors": "", "admins": ""}, "RAGLASS_ALLOW_PEOPLE"),
        ({"open": "1"}, "Set one of them"),
        ({"oidc_issuer": "http://login.example.com"}, "begins with https://"),
        ({"oidc_issuer": "login.example.com"}, "begins with https://"),
        ({"public_url": "http://raglass.example.com"}, "RAGLASS_PUBLIC_URL"),
        ({"public_url": "https://example.com/raglass"}, "at the root"),
        ({"host": "0.0.0.0"}, "needs RAGLASS_PUBLIC_URL"),
        ({"admins": "ada"}, "RAGLASS_ADMINS has the entry 'ada'"),
        ({"editors": "*@example.com"}, "RAGLASS_EDITORS"),
        ({"admins": "ada@fa\N{LATIN SMALL LETTER SHARP S}.example"}, "RAGLASS_ADMINS"),
    ],
)
def test_half_a_login_is_refused_with_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("*", r"\*")):
        door(**{**LOGIN, **changes})


@pytest.mark.parametrize(
    ("changes", "base"),
    [
        ({"port": 9000}, "http://localhost:9000"),
        ({"public_url": "https://raglass.example.com/"}, "https://raglass.example.com"),
        ({"host": "0.0.0.0", "public_url": "https://raglass.example.com"}, "https://raglass.example.com"),
    ],
)
def test_people_are_sent_back_to_the_address_that_they_open(changes: dict[str, Any], base: str) -> None:
    assert door(**LOGIN, **changes).base == base
