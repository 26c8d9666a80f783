"""Channels against real servers on loopback: what arrives, what is refused, and that no secret is told."""

import json
import ssl
from dataclasses import replace
from urllib.parse import parse_qs

import boto3
import pytest

from app.alerting import channels
from app.alerting.channels import Channel, Mail, Refused, Topic, Webhook, open_channels
from app.alerting.notice import Notice
from app.config import Settings
from pipeline.errors import BackendError, ConfigError
from tests.app.alerting.mail_server import MailServer, receiving, trusting
from tests.aws.loopback import Answer, serving
from tests.pipeline.test_replies import answering, drip

NOTICE = Notice(
    "began",
    "a1",
    "slow <!channel> & more",
    "p95 latency: above 2.00 s",
    3_000.0,
    "3.00 s",
    2_000.0,
    1_757_000_000.0,
    None,
    ("http://here/traces?trace=t1",),
    "http://here/live",
)
SECRET = "T000-SECRET"
ARN = "arn:aws:sns:eu-west-1:000000000000:alerts"


def test_webhook_gets_slacks_text_and_the_same_as_fields() -> None:
    with serving(Answer()) as server:
        Webhook(f"{server.url}/{SECRET}").send(NOTICE)
    [asked] = server.asked
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", f"/{SECRET}", "application/json")
    assert asked.data["text"].splitlines() == [
        "Alert: slow &lt;!channel&gt; &amp; more",
        "p95 latency: above 2.00 s",
        "Value: 3.00 s",
        "Since 2025-09-04 15:33:20 UTC",
        "1 trace:",
        "http://here/traces?trace=t1",
        "Look: http://here/live",
    ]
    assert (asked.data["rule"], asked.data["value"], asked.data["threshold"]) == (NOTICE.rule, 3_000.0, 2_000.0)
    assert asked.data["traces"] == ["http://here/traces?trace=t1"]


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Answer(status=500), BackendError, "HTTP 500"),
        (Answer(status=429), BackendError, "HTTP 429"),
        (Answer(status=404), Refused, "HTTP 404"),
        (Answer(hang_up=True), BackendError, "cannot be reached"),
    ],
)
def test_webhook_that_fails_is_told_without_its_address(answer: Answer, error: type[Exception], said: str) -> None:
    with serving(answer) as server, pytest.raises(BackendError, match=said) as raised:
        Webhook(f"{server.url}/{SECRET}").send(NOTICE)
    assert type(raised.value) is error
    assert SECRET not in str(raised.value)


@pytest.mark.slow
def test_webhook_that_answers_byte_by_byte_is_given_up_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TIMEOUT_S", 0.2)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with (
        answering(lambda client: drip(client, head)) as url,
        pytest.raises(BackendError, match=r"did not answer within 0\.2 s"),
    ):
        Webhook(url).send(NOTICE)


def test_redirect_is_not_followed() -> None:
    with serving(Answer()) as other, serving(Answer(status=307, headers={"Location": f"{other.url}/x"})) as server:
        with pytest.raises(Refused, match="redirects"):
            Webhook(server.url).send(NOTICE)
        assert other.asked == []


def test_nobody_at_the_address_may_pass() -> None:
    with pytest.raises(BackendError, match="cannot be reached") as raised:
        Webhook(f"http://127.0.0.1:1/{SECRET}").send(NOTICE)
    assert not isinstance(raised.value, Refused)


def mail(server: MailServer, **changes: object) -> Mail:
    made = Mail("localhost", server.port, "starttls", "", "", "a@x", ("b@x", "c@x"), context=trusting)
    return replace(made, **changes)


@pytest.mark.slow
def test_mail_goes_encrypted_to_all_of_them() -> None:
    with receiving(MailServer(password="pw")) as server:
        mail(server, user="u", password="pw").send(NOTICE)
    [(sender, to, letter)] = server.mails
    assert (sender, to, server.encrypted) == ("a@x", ["b@x", "c@x"], [True])
    assert letter["Subject"] == "Alert: slow <!channel> & more"
    assert letter.get_content().splitlines()[2] == "Value: 3.00 s"


@pytest.mark.slow
def test_name_of_a_rule_adds_no_header() -> None:
    with receiving(MailServer()) as server:
        mail(server).send(replace(NOTICE, rule="x\r\nBcc: evil@x"))
    [(_, to, letter)] = server.mails
    assert (to, letter["Bcc"], letter["Subject"]) == (["b@x", "c@x"], None, "Alert: x Bcc: evil@x")


@pytest.mark.parametrize(
    ("server", "changes", "error", "said"),
    [
        (MailServer(offers_tls=False), {}, Refused, "starttls"),
        (MailServer(), {"context": ssl.create_default_context}, Refused, "certificate"),
        (MailServer(password="pw"), {"user": "u", "password": SECRET}, Refused, "refused the user"),
        (MailServer(replies={"RCPT": "550 nobody"}), {}, Refused, "SMTP 550"),
        (MailServer(replies={"RCPT": "450 later"}), {}, BackendError, "SMTP 450"),
        (MailServer(replies={"MAIL": "451 later"}), {}, BackendError, "SMTP 451"),
        (MailServer(replies={"MAIL": "553 no"}), {}, Refused, "SMTP 553"),
    ],
)
def test_mail_that_is_not_taken_is_told(
    server: MailServer, changes: dict[str, object], error: type[Exception], said: str
) -> None:
    with receiving(server), pytest.raises(BackendError, match=said) as raised:
        mail(server, **changes).send(NOTICE)
    assert type(raised.value) is error
    assert SECRET not in str(raised.value)
    assert server.mails == []


def test_mail_server_that_is_away_may_pass() -> None:
    with pytest.raises(BackendError, match="cannot be reached") as raised:
        mail(MailServer(port=1)).send(NOTICE)
    assert not isinstance(raised.value, Refused)


def sns(url: str) -> Topic:
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
    return Topic(ARN, boto3.client("sns", region_name="eu-west-1", endpoint_url=url, **keys))


@pytest.mark.slow
def test_topic_gets_subject_and_text() -> None:
    reply = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
    with serving(Answer(raw=reply.encode())) as server:
        sns(server.url).send(replace(NOTICE, rule="langsam – " + "x" * 200))
    [asked] = server.asked
    told = parse_qs(asked.body.decode())
    assert told["TopicArn"] == [ARN]
    assert len(told["Subject"][0]) <= 100
    assert told["Subject"][0].startswith("Alert: langsam ? xxx")
    assert "Value: 3.00 s" in told["Message"][0]


@pytest.mark.slow
def test_topic_without_permission_is_told() -> None:
    reply = "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>x</Message></Error></ErrorResponse>"
    with serving(Answer(raw=reply.encode(), status=403)) as server, pytest.raises(BackendError, match="sns:Publish"):
        sns(server.url).send(NOTICE)


MAILING = {"alert_smtp": "mail.example.org", "alert_mail_from": "a@x", "alert_mail_to": "b@x, c@x"}


def test_channels_are_what_the_settings_name() -> None:
    said = replace(Settings(), alert_webhook=f"https://hooks.example.org/{SECRET}", alert_sns_topic=ARN, **MAILING)
    found: list[Channel] = open_channels(said)
    assert [(each.name, each.shown) for each in found] == [
        ("webhook", "hooks.example.org"),
        ("mail", "mail.example.org, to 2 addresses"),
        ("sns", "alerts"),
    ]
    assert open_channels(Settings()) == []
    assert SECRET not in json.dumps(said.shown())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"alert_webhook": f"file:///{SECRET}"}, "ALERT_WEBHOOK"),
        ({"alert_webhook": f"http://host:{SECRET}/"}, "ALERT_WEBHOOK"),
        ({**MAILING, "alert_smtp": "host:port"}, "ALERT_SMTP is"),
        ({**MAILING, "alert_mail_to": ""}, "MAIL_TO"),
        ({**MAILING, "alert_smtp_tls": "none", "alert_smtp_user": "u"}, "in the clear"),
        ({"alert_sns_topic": "alerts"}, "no ARN"),
    ],
)
def test_settings_that_cannot_be_are_refused_without_secrets(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        open_channels(replace(Settings(), **wrong))
    assert SECRET not in str(raised.value)


def test_text_has_no_characters_that_act_on_a_terminal() -> None:
    assert "\x1b" not in replace(NOTICE, rule="\x1b[31m").text
