"""Who a contract names as owners, in the form that the orchestrator takes."""

from __future__ import annotations

from typing import Any

from platform_assets.contracts.orchestration import is_owner


def read_owners(data: dict[str, Any]) -> tuple[str, ...]:
    """User names of the team: those with the role of an owner, or all of them when none has it."""
    team = data.get("team")
    members = team if isinstance(team, list) else team.get("members") if isinstance(team, dict) else None
    people = [
        member
        for member in members or []
        if isinstance(member, dict) and member.get("username") and not member.get("dateOut")
    ]
    owners = [member for member in people if "owner" in str(member.get("role") or "").lower()] or people
    named = [str(member["username"]) for member in owners]
    if not named and isinstance(team, dict) and team.get("name"):
        named = [f"team:{team['name']}"]
    return tuple(named)


def as_owner(name: str) -> str:
    """An email address or a team as it is; any other name as that of a team."""
    text = name.strip()
    return text if is_owner(text) else f"team:{text.removeprefix('team:') or 'unnamed'}"
