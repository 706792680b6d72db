"""A contract file as a document of the Open Data Contract Standard: YAML with line numbers, checked for shape.

Unknown keys, wrong value types and missing parts of the standard are found here. What a key *means* to the
platform is read in ``columns``, ``quality`` and ``terms``.
"""

from __future__ import annotations

import datetime as dt
import difflib
import functools
import types
import typing
from pathlib import Path
from typing import Any

import yaml

from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.yaml_files import text_of

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser reads a contract of 20 columns in 2 ms, the pure Python one in 25 ms."""

REQUIRED = ("version", "apiVersion", "kind", "id")
OLD_WORDS = {"DataQuality": ("validValues",), "ServiceLevelAgreementProperty": ("column",)}
"""Words of 3.0 that the model of 3.1 does not have."""
NEARLY = 0.8
"""How alike a word has to be to one of the standard's to be a mistake where other words are allowed."""


def load(path: Path) -> tuple[dict[str, Any], Findings]:
    """The document's plain data and its findings so far; an unreadable file gives one problem and no data."""
    findings = Findings(path, {})
    try:
        text = text_of(path, findings)
    except FileNotFoundError as error:
        text = None
        findings.problem((), f"cannot be read: {error.strerror}")
    return {} if text is None else parse(text, findings), findings


def parse(text: str, findings: Findings) -> dict[str, Any]:
    """The plain data of a YAML text; its lines and its problems of form are added to ``findings``."""
    data = mapping_of(text, findings)
    if data:
        _check(data, findings)
    return data


def mapping_of(text: str, findings: Findings) -> dict[str, Any]:
    """The mapping that a YAML text is, whatever its keys; its lines and what is no YAML go to ``findings``."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            findings.problem((), "the file is empty")
            return {}
        data = _construct(loader, node, (), findings)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        findings.lines.setdefault((), mark.line + 1 if mark else 1)
        findings.problem((), f"is not valid YAML: {getattr(error, 'problem', None) or error}")
        return {}
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        findings.problem((), "must be a mapping of keys to values")
        return {}
    return data


def _construct(loader: Any, node: yaml.Node, path: Path_, findings: Findings) -> Any:
    findings.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(loader.construct_object(key_node, deep=True))
            inner = (*path, key)
            findings.lines[inner] = key_node.start_mark.line + 1
            if key in mapping:
                findings.problem(inner, "is given twice")
            mapping[key] = _construct(loader, value_node, inner, findings)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*path, index), findings) for index, item in enumerate(node.value)]
    return loader.construct_object(node)


def _check(data: dict[str, Any], findings: Findings) -> None:
    model = _standard()
    for key in REQUIRED:
        if data.get(key) in (None, "", []):
            findings.problem((key,), "is required by the standard and missing")
    version = data.get("apiVersion")
    if version is not None and not str(version).startswith("v3."):
        findings.problem(("apiVersion",), f"{version!r} is not supported; the platform reads v3.0.0 and later of v3")
    if data.get("kind") not in (None, "DataContract"):
        findings.problem(("kind",), f"must be 'DataContract', not {data['kind']!r}")
    if isinstance(data.get("description"), str):
        data["description"] = {"purpose": data["description"]}
    # the schema of 3.0 lets other words stand nearly everywhere, that of 3.1 nowhere
    _unknown_keys(data, model, (), findings, others_allowed=str(version).startswith("v3.0"))
    import pydantic

    try:
        model.model_validate(_with_dates_as_texts(data))
    except pydantic.ValidationError as error:
        for item in error.errors():
            path = _path_in(data, item["loc"])
            if item["type"] == "extra_forbidden":
                continue  # reported above
            message = f"{item['msg'].lower()}, not {type(item['input']).__name__}"
            if "authoritativeDefinitions" in path:
                findings.note(path, f"{message}: kept as it is")
            elif not any(p.line == findings.line(path) for p in findings.problems):
                findings.problem(path, message)


def _with_dates_as_texts(value: Any) -> Any:
    """The data with dates as the standard has them; without quotes, YAML reads them as values of its own."""
    if isinstance(value, dict):
        return {key: _with_dates_as_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_dates_as_texts(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def _path_in(data: Any, location: tuple[int | str, ...]) -> Path_:
    """pydantic's location without the names of union members, which are no keys of the document."""
    path: list[str | int] = []
    for step in location:
        known = step in data if isinstance(data, dict) else isinstance(data, list) and isinstance(step, int)
        if not known:
            continue
        path.append(step)
        data = data[step]
    return tuple(path)


def _unknown_keys(data: Any, model: type, path: Path_, findings: Findings, *, others_allowed: bool) -> None:
    if isinstance(data, list):
        for index, item in enumerate(data):
            _unknown_keys(item, model, (*path, index), findings, others_allowed=others_allowed)
        return
    if not isinstance(data, dict):
        return
    known = _keys(model)
    for key, value in data.items():
        if key in known:
            if (inner := known[key]) is not None:
                _unknown_keys(value, inner, (*path, key), findings, others_allowed=others_allowed)
        elif key in OLD_WORDS.get(model.__name__, ()):
            continue
        elif not others_allowed or difflib.get_close_matches(key, known, n=1, cutoff=NEARLY):
            findings.problem((*path, key), f"is not a key of the standard here{suggestion(key, known)}")
        else:
            findings.note((*path, key), "is not a key of the standard here, and not used")


@functools.cache
def _standard() -> Any:
    # 0.25 s to import, so only once a contract is read
    from open_data_contract_standard.model import OpenDataContractStandard

    return OpenDataContractStandard


@functools.cache
def _keys(model: Any) -> dict[str, Any]:
    """The keys that a model of the standard allows, each with the model of its value (``None``: a plain value)."""
    return {field.alias or name: _model_in(field.annotation) for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return annotation
    if typing.get_origin(annotation) in (list, typing.Union, types.UnionType):
        models = [model for part in typing.get_args(annotation) if (model := _model_in(part)) is not None]
        return models[0] if len(models) == 1 else None
    return None
