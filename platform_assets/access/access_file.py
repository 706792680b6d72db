"""The access file: roles, what each reads and writes, and which classifications it sees. YAML with file and line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from platform_assets.access.model import MASKED, Access, Reach, Role
from platform_assets.contracts.document import mapping_of
from platform_assets.contracts.personal import PERSONAL, SENSITIVE
from platform_assets.contracts.problems import Findings, InvalidFile, Path_, suggestion
from platform_assets.contracts.shapes import mapping, texts, unknown_keys
from platform_assets.contracts.yaml_files import text_of
from platform_assets.publishing.ledger import SCHEMA

FILE = "access.yaml"
ALL = "all"
PUBLIC = ("public",)
"""Classifications that every reader may see, unless the file names others."""
TOP = ("public", "roles", "columns")
OF_ROLE = ("description", "read", "write", "sees")
OF_REACH = ("schemas", "assets")
RESERVED = frozenset({"public", "none", "current_user", "session_user", "current_role"})
LONGEST = 63
"""Bytes of a name that PostgreSQL does not cut."""
STAGING = f"{SCHEMA}_staging"


class AccessError(InvalidFile):
    """An access file that cannot be used; the text has every mistake, each with file, line and key."""

    code = "access"


def read_access(path: Path, *, words: Collection[str], assets: Collection[str]) -> tuple[Access, Findings]:
    """The access file at ``path``, and its lines for problems that are found later.

    ``words`` are the classifications that contracts have, ``assets`` the assets with a table. Raises ``AccessError``.
    """
    findings = Findings(path, {})
    try:
        text = text_of(path, findings)
    except FileNotFoundError:
        text = None
        findings.problem((), "does not exist; docs/access.md shows one")
    if text is None:
        raise AccessError(findings.problems)
    data = mapping_of(text, findings)
    unknown_keys(data, TOP, (), findings)
    public = _words(data.get("public", list(PUBLIC)), ("public",), findings)
    columns = _columns(data.get("columns", {}), assets, findings)
    given = {word for of_table in columns.values() for word in of_table.values()}
    known = {*words, *PERSONAL, *SENSITIVE, *public, *given}
    roles = mapping(data.get("roles", {}), ("roles",), findings)
    if not roles and data:
        findings.problem(("roles",), "at least one role has to be named")
    access = Access(
        path, tuple(_role(name, value, known, findings) for name, value in roles.items()), frozenset(public), columns
    )
    if findings.problems:
        raise AccessError(findings.problems)
    return access, findings


def _role(name: str, value: Any, known: Collection[str], findings: Findings) -> Role:
    path: Path_ = ("roles", name)
    if why := _why_no_name(name):
        findings.problem(path, f"{name!r} cannot be the name of a role: {why}")
    data = mapping(value, path, findings)
    unknown_keys(data, OF_ROLE, path, findings)
    if value is not None and not data.get("read") and not data.get("write"):
        findings.problem(path, "reads and writes nothing: give it read or write")
    sees: frozenset[str] | None = None
    if data.get("sees") != ALL:
        words = _words(data.get("sees", []), (*path, "sees"), findings)
        for word in words:
            if word not in known:
                findings.problem(
                    (*path, "sees"),
                    f"no contract has the classification {word!r}{suggestion(word, known)}; for all of them write all",
                )
        sees = frozenset(words)
    return Role(
        name,
        str(data.get("description") or ""),
        _reach(data.get("read", {}), (*path, "read"), findings),
        _reach(data.get("write", {}), (*path, "write"), findings, written=True),
        sees,
    )


def _reach(value: Any, path: Path_, findings: Findings, *, written: bool = False) -> Reach:
    data = mapping(value, path, findings)
    unknown_keys(data, OF_REACH, path, findings)
    schemas = texts(data.get("schemas", []), (*path, "schemas"), findings)
    for schema in schemas:
        if schema == STAGING or schema.endswith(MASKED) or (written and schema == SCHEMA):
            findings.problem((*path, "schemas"), f"{schema!r} is the platform's own: it cannot be given to a role")
    assets = data.get("assets", "")
    if not isinstance(assets, str):
        findings.problem((*path, "assets"), "must be a selection of assets as one text, such as group:sales")
        assets = ""
    return Reach(tuple(schemas), assets.strip())


def _columns(value: Any, assets: Collection[str], findings: Findings) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for asset, columns in mapping(value, ("columns",), findings).items():
        if asset not in assets:
            findings.problem(("columns", asset), f"is no asset with a table{suggestion(asset, assets)}")
        given = mapping(columns, ("columns", asset), findings)
        for column, word in given.items():
            if not isinstance(word, str) or not word.strip():
                findings.problem(("columns", asset, column), "must be a classification, such as personal")
        found[asset] = {column: str(word).strip().lower() for column, word in given.items()}
    return found


def _words(value: Any, path: Path_, findings: Findings) -> list[str]:
    return [word.strip().lower() for word in texts(value, path, findings)]


def _why_no_name(name: str) -> str:
    if not name.strip() or any(not sign.isprintable() for sign in name):
        return "it is empty or has signs that cannot be printed"
    if name.lower() in RESERVED or name.lower().startswith("pg_"):
        return "engines have another meaning for it"
    return f"it is longer than {LONGEST} bytes" if len(name.encode()) > LONGEST else ""
