"""Mail by an SMTP server on loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import time
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings

from platform_assets.alerts.channels.email import Email, Server
from platform_assets.alerts.channels.making import make_channel
from platform_assets.alerts.channels.settings import EmailSettings
from platform_assets.alerts.notices import Channel, ChannelError, Event, Notice
from tests.alerts.notices import NOTICES, notice
from tests.support.mail_receiver import MailReceiver
from tests.support.waiting import watched_waits

SETTINGS = EmailSettings(("data@example.com", "ops@example.com"), "platform@example.com")


def channel_of(port: int, *, seconds: float = 10, security: str = "none", **variables: str) -> Channel:
    given = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_SECURITY": security, **variables}
    return make_channel("mail", SETTINGS, given, seconds=seconds)


def test_a_mail_has_a_text_and_an_html_part() -> None:
    with MailReceiver() as server:
        channel_of(server.port).send(notice())
        (mail,) = server.mails
    assert mail["Subject"] == "[ERROR] raw/orders: 2 partitions were rejected"
    assert mail["To"] == "data@example.com, ops@example.com"
    assert mail["From"] == "platform@example.com"
    text, html = (mail.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    for part in ("2026-01-03, 2026-01-04", "the sender of orders", "platform-assets quarantine show orders 2026-01-03"):
        assert part in text
        assert part in html
    assert "12 of 100 rows < 1 % & more" in text
    assert "12 of 100 rows &lt; 1 % &amp; more" in html
    assert "Run:        https://dagster.example.org/runs/1\n" in text
    assert '<a href="https://dagster.example.org/runs/1">Run</a>' in html


def test_the_notices_of_an_incident_are_one_conversation() -> None:
    with MailReceiver() as server:
        channel = channel_of(server.port)
        thread = channel.send(notice())
        assert channel.send(notice(Event.RESOLVED, 2), thread=thread) == thread
        first, second = server.mails
    assert first["Message-ID"] == thread == "<I-3f9a2c41d07b.1@example.com>"
    assert second["Message-ID"] == "<I-3f9a2c41d07b.2@example.com>"
    assert (first["In-Reply-To"], second["In-Reply-To"], second["References"]) == (None, thread, thread)


def test_a_mail_that_is_sent_again_has_the_same_id() -> None:
    with MailReceiver() as server:
        channel = channel_of(server.port)
        channel.send(notice())
        channel.send(notice(), again=True)
        assert len({mail["Message-ID"] for mail in server.mails}) == 1


def test_no_text_of_a_notice_makes_a_header() -> None:
    with MailReceiver() as server:
        channel_of(server.port).send(notice(title="raw/orders\r\nBcc: eve@example.com\x00\ud800", subject="é\n"))
        (mail,) = server.mails
    assert mail["Bcc"] is None
    assert "Bcc: eve@example.com" in mail["Subject"]


@settings(deadline=None, max_examples=50)
@given(NOTICES)
def test_any_notice_makes_a_mail(given: Notice) -> None:
    sent = Email("mail", Server("127.0.0.1", 25), "platform@example.com", ("data@example.com",)).message(
        replace(given, incident="I-1"), ""
    )
    read = message_from_bytes(sent.as_bytes(), policy=policy.SMTP)
    assert read["Message-ID"] == f"<I-1.{given.number}@example.com>"
    assert [part.get_content_type() for part in read.walk()][1:] == ["text/plain", "text/html"]


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of a server on 127.0.0.1, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, pem = tmp_path / "server.pem", serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return context


def test_a_user_logs_in_over_starttls(certificate: ssl.SSLContext) -> None:
    with MailReceiver(context=certificate, login=("ann", "hunter2")) as server:
        channel = channel_of(server.port, security="starttls", SMTP_USER="ann", SMTP_PASSWORD="hunter2")
        channel.send(notice())
        assert len(server.mails) == 1
        wrong = channel_of(server.port, security="starttls", SMTP_USER="ann", SMTP_PASSWORD="hunter3")
        with pytest.raises(ChannelError, match=r"refused login \(535\)") as failed:
            wrong.send(notice())
    assert failed.value.permanent
    assert "hunter" not in f"{failed.value!r} {wrong!r}"


def test_tls_from_the_first_byte(certificate: ssl.SSLContext) -> None:
    with MailReceiver(context=certificate, tls=True) as server:
        channel_of(server.port, security="tls").send(notice())
        assert len(server.mails) == 1


def test_a_certificate_that_nobody_trusts(certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with MailReceiver(context=certificate) as server:
        with pytest.raises(ChannelError, match="certificate") as failed:
            channel_of(server.port, security="starttls").send(notice())
        assert failed.value.permanent
        assert server.mails == []


def test_a_server_without_starttls_gets_no_mail() -> None:
    with MailReceiver() as server:
        with pytest.raises(ChannelError, match="no STARTTLS") as failed:
            channel_of(server.port, security="starttls").send(notice())
        assert failed.value.permanent
        assert server.mails == []


@pytest.mark.parametrize(("answer", "permanent"), [("451 try later", False), ("554 no", True)])
def test_an_answer_to_the_mail(answer: str, permanent: bool) -> None:
    with MailReceiver() as server:
        server.answer = answer
        with pytest.raises(ChannelError, match=answer[:3]) as failed:
            channel_of(server.port).send(notice())
    assert failed.value.permanent is permanent


@pytest.mark.parametrize(("answer", "permanent"), [("451 try later", False), ("550 unknown", True)])
def test_an_answer_to_all_addresses(answer: str, permanent: bool) -> None:
    with (
        MailReceiver(refuse=lambda address: f"{answer}: {address}") as server,
        pytest.raises(ChannelError, match="every address") as failed,
    ):
        channel_of(server.port).send(notice())
    assert failed.value.permanent is permanent
    assert "example.com" not in str(failed.value)


def test_one_address_that_is_refused_keeps_no_mail_from_the_others() -> None:
    refuse = {"data@example.com": "550 unknown"}.get
    with MailReceiver(refuse=refuse) as server, watched_waits("refused") as seen:
        channel_of(server.port).send(notice())
        assert len(server.mails) == 1
    assert seen.messages == ["the SMTP server refused 1 of 2 addresses of mail"]


def test_a_server_that_is_not_there_and_one_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(ChannelError) as failed:
            channel_of(port, seconds=0.5).send(notice())
        assert time.monotonic() - began < 5
        assert not failed.value.permanent
    with pytest.raises(ChannelError, match="could not be reached: ConnectionRefusedError"):
        channel_of(port).send(notice())


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SMTP_HOST": ""}, "SMTP_HOST is not set"),
        ({"SMTP_PORT": "mail"}, "SMTP_PORT must be the number of a port"),
        ({"SMTP_SECURITY": "ssl"}, "SMTP_SECURITY must be one of: starttls, tls, none"),
        ({"SMTP_USER": "ann"}, "set both SMTP_USER and SMTP_PASSWORD"),
        ({"SMTP_USER": "ann", "SMTP_PASSWORD": "x", "SMTP_SECURITY": "none"}, "SMTP_SECURITY is none: a password"),
    ],
)
def test_a_variable_that_is_wrong(variables: dict[str, str], said: str) -> None:
    with pytest.raises(ChannelError, match=said) as failed:
        make_channel("mail", SETTINGS, {"SMTP_HOST": "127.0.0.1", **variables})
    assert failed.value.permanent
