"""Where messages go: a webhook, mail, an SNS topic. Each is set by the environment alone, and named without what is secret.

A request goes to the host that is set and nowhere else: redirects are not followed. A fault that may pass is told from one that stays.
"""

import json
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as HttpTimeout

from app.alerting.notice import Notice
from app.kit.numbers import count
from app.kit.plain import one_line, shortened
from metrics import aws
from pipeline.errors import BackendError, ConfigError, RaglassError
from pipeline.replies import keep_bounds

if TYPE_CHECKING:
    from app.config import Settings

TIMEOUT_S = 10.0
"""For each step of sending: connecting, and each reply."""

HEAD_BYTES = 200_000
"""Of a webhook's reply; its body is not read."""

SUBJECT_CHARS = 100
"""Of a mail's and an SNS message's subject, which for SNS is the most that it takes."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Refused(BackendError):
    """The other side will not take this message, however often it is tried."""


class Channel(Protocol):
    """One way to somebody."""

    @property
    def name(self) -> str:
        """`webhook`, `mail` or `sns`."""

    @property
    def shown(self) -> str:
        """Where it leads, without secrets."""

    def send(self, notice: Notice) -> None:
        """Send once. Raises Refused where trying again does not help, another RaglassError where it may."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """JSON by POST: `text`, as Slack and what is like it read, and what the text says as fields."""

    url: str
    """The address; a secret, for who knows it may post."""
    name: str = "webhook"
    """The channel's name."""

    @property
    def shown(self) -> str:
        """Its host."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def send(self, notice: Notice) -> None:
        """Post once."""
        body = json.dumps(notice.to_webhook()).encode()
        timeout = urllib3.Timeout(connect=TIMEOUT_S, read=TIMEOUT_S)
        headers = {"Content-Type": "application/json", "User-Agent": "raglass"}
        try:
            with urllib3.PoolManager(retries=False) as pool:
                keep_bounds(pool, HEAD_BYTES)
                reply = pool.request(
                    "POST",
                    self.url,
                    body=body,
                    headers=headers,
                    timeout=timeout,
                    redirect=False,
                    preload_content=False,
                )
                status = reply.status
                reply.close()  # what it says is nobody's: neither read nor shown
        except SSLError as error:
            raise Refused(
                f"{self.shown} shows no certificate that this machine trusts. Check RAGLASS_ALERT_WEBHOOK."
            ) from error
        except HTTPError as error:
            # Of urllib3's errors a refused connection is a kind of timeout.
            if isinstance(error, HttpTimeout) and not isinstance(error, NewConnectionError):
                raise BackendError(f"{self.shown} did not answer within {TIMEOUT_S:g} s.") from error
            raise BackendError(
                f"{self.shown} cannot be reached ({type(error).__name__}). Check that it runs."
            ) from error
        self._check(status)

    def _check(self, status: int) -> None:
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise Refused(
                f"{self.shown} redirects (HTTP {status}), which is not followed: messages go only where RAGLASS_ALERT_WEBHOOK says. "
                "Write the new address there."
            )
        if status in (408, 425, 429) or status >= 500:
            raise BackendError(f"{self.shown} does not take messages now (HTTP {status}).")
        raise Refused(f"{self.shown} refused the message (HTTP {status}). Check RAGLASS_ALERT_WEBHOOK.")


@dataclass(frozen=True, slots=True)
class Mail:
    """Plain text by SMTP."""

    host: str
    """The server."""
    port: int
    """Its port."""
    tls: str
    """`starttls`, `tls` from the first byte, or `none`."""
    user: str
    """Who signs in; empty for nobody."""
    password: str
    """A secret."""
    sender: str
    """From whom."""
    to: tuple[str, ...]
    """To whom."""
    name: str = "mail"
    """The channel's name."""
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    """What certificates are trusted."""

    @property
    def shown(self) -> str:
        """The server, and how many get it."""
        return f"{self.host}, to {count(len(self.to), 'address', 'addresses')}"

    def send(self, notice: Notice) -> None:
        """Send once, to all of them."""
        try:
            with self._connected() as server:
                if self.tls == "starttls":
                    server.starttls(context=self.context())
                if self.user:
                    server.login(self.user, self.password)
                refused = server.send_message(self._letter(notice), self.sender, list(self.to))
        except smtplib.SMTPAuthenticationError as error:
            raise Refused(f"{self.host} refused the user. Check RAGLASS_ALERT_SMTP_USER and its password.") from error
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(f"{self.host} does not offer what RAGLASS_ALERT_SMTP_TLS={self.tls} needs.") from error
        except ssl.SSLError as error:
            raise Refused(f"{self.host} shows no certificate that this machine trusts.") from error
        except smtplib.SMTPException as error:
            raise self._explain(error) from error
        except OSError as error:
            raise BackendError(
                f"{self.host} cannot be reached ({type(error).__name__}). Check that it runs."
            ) from error
        if refused:
            raise Refused(f"{self.host} took the mail, but not for {len(refused)} of {len(self.to)} addresses.")

    def _connected(self) -> smtplib.SMTP:
        if self.tls == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=self.context())
        return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)

    def _letter(self, notice: Notice) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"] = shortened(one_line(notice.subject), SUBJECT_CHARS)
        letter["From"], letter["To"] = self.sender, ", ".join(self.to)
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(notice.text)
        return letter

    def _explain(self, error: smtplib.SMTPException) -> BackendError:
        """4xx of SMTP may pass, 5xx stays (RFC 5321, section 4.2.1)."""
        code = getattr(error, "smtp_code", None)
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            code = max((told for told, _ in error.recipients.values()), default=0)
        if isinstance(code, int) and 500 <= code < 600:
            return Refused(f"{self.host} refused the mail (SMTP {code}). Check RAGLASS_ALERT_MAIL_FROM and _TO.")
        return BackendError(f"{self.host} does not take mail now{f' (SMTP {code})' if code else ''}.")


@dataclass(frozen=True, slots=True)
class Topic:
    """A message to an SNS topic."""

    arn: str
    """The topic."""
    client: Any = None
    """A boto3 client; None for one of one's own."""
    name: str = "sns"
    """The channel's name."""

    @property
    def shown(self) -> str:
        """The topic's name."""
        return self.arn.rpartition(":")[2]

    def send(self, notice: Notice) -> None:
        """Publish once."""
        client = self.client or aws.make_client("sns", self.arn.split(":")[3], read_timeout=TIMEOUT_S)
        subject = shortened(one_line(notice.subject).encode("ascii", "replace").decode(), SUBJECT_CHARS)
        subject = subject.encode("ascii", "replace").decode()[:SUBJECT_CHARS]
        aws.call(
            "sns:Publish", lambda: client.publish(TopicArn=self.arn, Subject=subject, Message=notice.text), attempts=1
        )


def open_channels(settings: "Settings") -> list[Channel]:
    """The channels that the environment sets. Raises ConfigError, naming the variable, for one that cannot be."""
    found: list[Channel] = []
    if settings.alert_webhook:
        found.append(_webhook(settings.alert_webhook))
    if settings.alert_smtp:
        found.append(_mail(settings))
    if settings.alert_sns_topic:
        if len(settings.alert_sns_topic.split(":")) != 6 or not settings.alert_sns_topic.startswith("arn:"):
            raise ConfigError("RAGLASS_ALERT_SNS_TOPIC is no ARN. Write arn:aws:sns:REGION:ACCOUNT:NAME.")
        found.append(Topic(settings.alert_sns_topic))
    return found


def _webhook(url: str) -> Webhook:
    wrong = "RAGLASS_ALERT_WEBHOOK is no address (it is a secret and not shown). Write https://host/path."
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no number
    except ValueError:
        raise ConfigError(wrong) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(wrong)
    return Webhook(url)


def _mail(settings: "Settings") -> Mail:
    host, _, port = (
        settings.alert_smtp.rpartition(":") if ":" in settings.alert_smtp else (settings.alert_smtp, "", "587")
    )
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ConfigError(f"RAGLASS_ALERT_SMTP is {settings.alert_smtp!r}; write HOST or HOST:PORT.")
    host = host.strip("[]")
    to = tuple(filter(None, map(str.strip, settings.alert_mail_to.split(","))))
    if not to or not settings.alert_mail_from or any("@" not in each for each in (*to, settings.alert_mail_from)):
        raise ConfigError("RAGLASS_ALERT_SMTP needs RAGLASS_ALERT_MAIL_FROM and RAGLASS_ALERT_MAIL_TO, with addresses.")
    tls, user = settings.alert_smtp_tls, settings.alert_smtp_user
    if user and tls == "none" and host not in LOOPBACK:
        raise ConfigError(
            f"RAGLASS_ALERT_SMTP_TLS=none would send a password in the clear to {host}. Write starttls or tls, or no user."
        )
    return Mail(host, int(port), tls, user, settings.alert_smtp_password, settings.alert_mail_from, to)


def try_once(channel: Channel, notice: Notice) -> RaglassError | None:
    """Send to a channel once; what went wrong, or None."""
    try:
        channel.send(notice)
    except RaglassError as error:
        return error
    return None
