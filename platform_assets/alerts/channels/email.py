"""Mail by SMTP: a text and an HTML part. Each notice of an incident refers to the first one."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime

from platform_assets.alerts.channels.deadline import SECONDS, within
from platform_assets.alerts.notices import ChannelError, Event, Notice
from platform_assets.alerts.rendering.html import page
from platform_assets.alerts.rendering.parts import headline
from platform_assets.alerts.rendering.plain import body
from platform_assets.alerts.signals import Severity
from platform_assets.logs import logger

log = logger(__name__)

SECURITY = ("starttls", "tls", "none")


@dataclass(frozen=True)
class Server:
    """An SMTP server. ``security`` is one of ``SECURITY``; a password is sent over TLS only."""

    host: str
    port: int
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)


def server_of(variables: Mapping[str, str], prefix: str) -> Server:
    """The server of ``SMTP_HOST`` and its like, where ``prefix`` is ``SMTP``. Raises a permanent ``ChannelError``."""

    def value(name: str, default: str = "") -> str:
        return variables.get(f"{prefix}_{name}", "") or default

    security = value("SECURITY", "starttls")
    if security not in SECURITY:
        raise ChannelError(f"{prefix}_SECURITY must be one of: {', '.join(SECURITY)}", permanent=True)
    port = value("PORT", "465" if security == "tls" else "587")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ChannelError(f"{prefix}_PORT must be the number of a port", permanent=True)
    server = Server(value("HOST"), int(port), security, value("USER"), value("PASSWORD"))
    if not server.host:
        raise ChannelError(f"{prefix}_HOST is not set: it is the name of the SMTP server", permanent=True)
    if bool(server.user) != bool(server.password):
        raise ChannelError(f"set both {prefix}_USER and {prefix}_PASSWORD, or none of them", permanent=True)
    if server.user and security == "none":
        raise ChannelError(f"{prefix}_SECURITY is none: a password is sent over starttls or tls only", permanent=True)
    return server


@dataclass(frozen=True)
class Email:
    """Mail from ``sender`` to all of ``to``."""

    name: str
    server: Server
    sender: str
    to: tuple[str, ...]
    seconds: float = SECONDS

    def send(self, notice: Notice, *, thread: str = "", again: bool = False) -> str:
        """Send one mail. One that is sent again has the same Message-ID: most mailboxes show it once."""
        if notice.event is Event.CHANGED:
            # a mail cannot be edited, and nobody gets it twice
            return thread
        message = self.message(notice, thread)
        within(self.seconds, lambda: self._deliver(message), what="the SMTP server")
        return thread or message["Message-ID"]

    def message(self, notice: Notice, thread: str) -> EmailMessage:
        """The mail; ``thread`` is the Message-ID of the incident's first one, or empty."""
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Subject"] = headline(notice)
        message["Date"] = format_datetime(notice.at)
        domain = self.sender.rpartition("@")[2]
        message["Message-ID"] = f"<{notice.incident}.{notice.number}@{domain}>"
        if thread:
            message["In-Reply-To"] = thread
            message["References"] = thread
        message["Auto-Submitted"] = "auto-generated"
        if notice.severity is Severity.CRITICAL and notice.event is not Event.RESOLVED:
            message["X-Priority"] = "1"
        message.set_content(f"{headline(notice)}\n\n{body(notice)}\n")
        message.add_alternative(page(notice), subtype="html")
        return message

    def _deliver(self, message: EmailMessage) -> None:
        with _as_channel_errors():
            session = self._open()
            try:
                if self.server.user:
                    session.login(self.server.user, self.server.password)
                refused = session.send_message(message)
            finally:
                # what is taken is taken: a session that does not end well is no failure
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    session.quit()
                session.close()
        if refused:
            log.warning("the SMTP server refused %d of %d addresses of %s", len(refused), len(self.to), self.name)

    def _open(self) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port
        context = ssl.create_default_context()
        if self.server.security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=self.seconds, context=context)
        session = smtplib.SMTP(host, port, timeout=self.seconds)
        if self.server.security == "starttls":
            try:
                session.starttls(context=context)
            except BaseException:
                session.close()
                raise
        return session


@contextlib.contextmanager
def _as_channel_errors() -> Iterator[None]:
    """What smtplib raises, without the texts of the server: they quote addresses."""
    try:
        yield
    except smtplib.SMTPNotSupportedError:
        raise ChannelError("the SMTP server offers no STARTTLS, or no login by password", permanent=True) from None
    except smtplib.SMTPAuthenticationError as error:
        raise _answered("login", error.smtp_code) from None
    except smtplib.SMTPRecipientsRefused as error:
        # one address that may be taken later is reason to try again
        raise _answered("every address", min(code for code, _ in error.recipients.values())) from None
    except smtplib.SMTPResponseException as error:
        raise _answered("the mail", error.smtp_code) from None
    except ssl.SSLCertVerificationError:
        raise ChannelError("the certificate of the SMTP server is not valid for its name", permanent=True) from None
    except (OSError, smtplib.SMTPException) as error:
        raise ChannelError(f"the SMTP server could not be reached: {type(error).__name__}") from None


def _answered(what: str, code: int) -> ChannelError:
    return ChannelError(f"the SMTP server refused {what} ({code})", permanent=500 <= code < 600)
