"""Requests to Slack's Web API by the client of dagster-slack, each bounded in time, and Slack's refusals as errors."""

from __future__ import annotations

import re
from http.client import HTTPException
from typing import Any

from platform_assets.alerts.channels.deadline import SECONDS, within
from platform_assets.alerts.channels.quiet import quietly
from platform_assets.alerts.channels.retry_after import seconds_of
from platform_assets.alerts.notices import ChannelError

PASSING = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
    | {"message_limit_exceeded", "rate_limited", "ratelimited"}
)
"""Words of Slack for what a retry may mend. All others stay as they are until somebody changes something."""

_CLIENT = "slack_sdk.web.base_client"
_WORD = re.compile(r"[a-z_]{1,60}")
_HINTS = {
    "channel_not_found": "name a channel that is there, and invite the app to it if it is private",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "name a channel that is not archived",
    "missing_scope": "give the app the scope chat:write",
    "invalid_auth": "set a token of the app that is valid",
    "not_authed": "set a token of the app that is valid",
    "token_revoked": "set a token of the app that is valid",
    "token_expired": "set a token of the app that is valid",
    "account_inactive": "set a token of the app that is valid",
}


class Refused(ChannelError):
    """Slack answered that it does not do it, and why: ``word``, such as ``channel_not_found``."""

    def __init__(self, word: str, method: str, *, retry_after: float | None = None) -> None:
        hint = f": {_HINTS[word]}" if word in _HINTS else ""
        super().__init__(
            f"Slack refused {method} ({word}){hint}", retry_after=retry_after, permanent=word not in PASSING
        )
        self.word = word


class SlackClient:
    """A client of one token. ``base_url`` is empty for Slack's own address."""

    def __init__(self, token: str, *, base_url: str = "", seconds: float = SECONDS) -> None:
        from dagster_slack import SlackResource

        self._client = SlackResource(token=token).get_client()
        self._client.timeout = self.seconds = seconds  # type: ignore[assignment]
        # the client would post once more by itself, after a message that may have arrived
        self._client.retry_handlers = []
        if base_url:
            self._client.base_url = f"{base_url.rstrip('/')}/"

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Slack's answer to a method that writes. Raises ``Refused``, and ``ChannelError`` for everything else."""
        return self._called(method, json=given)

    def read(self, method: str, **given: Any) -> dict[str, Any]:
        """Slack's answer to a method that reads: these take no JSON. Raises as ``call`` does."""
        return self._called(method, params=given)

    def _called(
        self, method: str, *, json: dict[str, Any] | None = None, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        from slack_sdk.errors import SlackApiError, SlackClientError

        def called() -> dict[str, Any]:
            try:
                # it logs what it does not understand of an answer
                with quietly(_CLIENT):
                    data = self._client.api_call(method, json=json, params=params).data
                return data if isinstance(data, dict) else {}
            except SlackApiError as error:
                raise _refusal(method, error.response) from None
            except (OSError, HTTPException, SlackClientError, ValueError) as error:
                # their texts have the address, which may be that of a proxy with a password
                raise ChannelError(f"Slack could not be reached: {type(error).__name__}") from None

        return within(self.seconds, called, what="Slack")


def _refusal(method: str, response: Any) -> ChannelError:
    wait = seconds_of(response.headers)
    if response.status_code == 429:
        return ChannelError("Slack asks to wait before the next message (429)", retry_after=wait)
    if response.status_code >= 500:
        return ChannelError(f"Slack answered {response.status_code}", retry_after=wait)
    word = response.data.get("error") if isinstance(response.data, dict) else None
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        # a page of something in between, which may be gone the next time
        return ChannelError(f"Slack answered {response.status_code}, and not as it is documented", retry_after=wait)
    return Refused(word, method, retry_after=wait)
