"""An SMTP server on loopback that keeps what it takes, or refuses it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.support.servers import free_port


class MailReceiver:
    """An SMTP server; ``mails`` are what it took.

    ``context`` makes it offer STARTTLS, or with ``tls`` speak TLS from the first byte. ``login`` is a user and a
    password that it then asks for. ``refuse`` gives an answer such as ``451 try later`` to an address, or None; while
    ``answer`` is not empty it is given to every mail.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        tls: bool = False,
        login: tuple[str, str] | None = None,
        refuse: Callable[[str], str | None] = lambda address: None,
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse, self.answer = refuse, ""
        given = None if login is None else LoginPassword(login[0].encode(), login[1].encode())
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            ssl_context=context if tls else None,
            tls_context=None if tls else context,
            auth_required=login is not None,
            authenticator=lambda server, session, envelope, mechanism, data: AuthResult(
                success=data == given, handled=False
            ),
        )
        self._controller.start()
        self.port = self._controller.port

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if refusal := self.refuse(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer:
            return self.answer
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 OK"

    def close(self) -> None:
        self._controller.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
