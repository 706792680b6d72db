"""Quality rules and relationships of a contract, read into row rules and batch rules.

What a rule asks for is compiled to SQL in ``sql``; batch rules are audited in ``publishing``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import yaml

from platform_assets.contracts.announced_checks import BUILT_IN, read_announced
from platform_assets.contracts.bounds import OPERATORS, check_reach, read_bounds, scaled
from platform_assets.contracts.conditions import Breaches, Copies, Count, CountOf, InvalidValues
from platform_assets.contracts.counted import counted_values
from platform_assets.contracts.library_words import in_words_of_today
from platform_assets.contracts.model import (
    AnnouncedCheck,
    BatchRule,
    Bounds,
    Column,
    Metric,
    Protection,
    Reference,
    RowExpression,
)
from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.properties import mappings, words
from platform_assets.contracts.relationships import read_relationship
from platform_assets.contracts.severity import Severity
from platform_assets.contracts.sql_words import with_placeholders

CUSTOM_METRICS = {
    "mean": Metric.MEAN,
    "sum": Metric.SUM,
    "row_count": Metric.ROW_COUNT,
    "null_fraction": Metric.NULL_FRACTION,
    "duplicate_fraction": Metric.DUPLICATE_FRACTION,
}
UNITS = ("rows", "percent")
SEVERITIES = {
    "error": Severity.ERROR, "critical": Severity.ERROR, "high": Severity.ERROR, "blocker": Severity.ERROR,
    "warning": Severity.WARNING, "warn": Severity.WARNING, "info": Severity.WARNING, "low": Severity.WARNING,
    "medium": Severity.WARNING,
}  # fmt: skip


class QualityReader:
    """Collects the rules of one table; ``names`` keeps the names of rules apart from each other."""

    def __init__(
        self, columns: tuple[Column, ...], data: dict[str, Any], table: dict[str, Any], findings: Findings
    ) -> None:
        self.columns = {column.name: column for column in columns}
        self.data = data
        self.table = table
        self.findings = findings
        self.rows: list[RowExpression] = []
        self.batch: list[BatchRule] = []

    def read(self, path: Path_) -> None:
        """Every rule of the table, which stands at ``path``, and of its columns."""
        table = self.table
        for index, rule in mappings(table, "quality"):
            self._rule(rule, None, (*path, "quality", index))
        for index, relation in mappings(table, "relationships"):
            self._relation(relation, None, (*path, "relationships", index))
        for position, item in mappings(table, "properties"):
            place = (*path, "properties", position)
            name = str(item.get("name"))
            for index, rule in mappings(item, "quality"):
                self._rule(rule, name, (*place, "quality", index))
            for index, relation in mappings(item, "relationships"):
                self._relation(relation, name, (*place, "relationships", index))

    def _rule(self, rule: dict[str, Any], column: str | None, path: Path_) -> None:
        said = {"query": "sql", "engine": "custom", "metric": "library", "rule": "library"}
        kind = rule.get("type") or next((kind for key, kind in said.items() if rule.get(key)), "text")
        for key in ("schedule", "scheduler"):
            if rule.get(key):
                self.findings.note((*path, key), "is not carried out: rules are audited whenever a partition is loaded")
        if kind == "text":
            self.findings.note(path, "a rule in words is not carried out by the platform")
        elif kind == "library":
            self._library(rule, column, path)
        elif kind == "sql":
            self._sql(rule, column, path)
        elif kind == "custom" and rule.get("engine") == BUILT_IN:
            self._custom(rule, column, path)
        elif kind == "custom":
            self._announced(rule, column, path)
        else:
            self.findings.problem((*path, "type"), f"{kind!r} must be one of library, sql, custom, text")

    def _library(self, rule: dict[str, Any], column: str | None, path: Path_) -> None:
        today = in_words_of_today(rule, path, self.findings)
        if today is None:
            return
        rule, metric = today, today["metric"]
        arguments = rule.get("arguments") or {}
        unit = str(rule.get("unit") or "rows")
        if unit not in UNITS:
            hint = suggestion(unit, UNITS)
            if hint:
                self.findings.problem((*path, "unit"), f"{unit!r} must be rows or percent{hint}")
            else:
                self.findings.note((*path, "unit"), f"{unit!r} is not measured, so the rule is not carried out")
            return
        bounds = read_bounds(rule, path, self.findings)
        columns = self._targets(arguments.get("properties") or arguments.get("columns"), column, path)
        if bounds is None or columns is None:
            return
        if metric == "rowCount":
            if unit == "percent":
                self.findings.problem((*path, "unit"), "rowCount is counted in rows")
            self._add(rule, "row_count", Metric.ROW_COUNT, bounds, (), path)
            return
        if not columns:
            self.findings.problem(
                path, f"{metric} needs a column: write it below one, or name columns in arguments.properties"
            )
            return
        self._library_on_columns(rule, metric, columns, bounds, unit == "percent", arguments, path)

    def _library_on_columns(
        self, rule: dict[str, Any], metric: str, columns: tuple[str, ...], bounds: Bounds, percent: bool,
        arguments: dict[str, Any], path: Path_,
    ) -> None:  # fmt: skip
        label = f"{re.sub(r'([A-Z])', lambda m: '_' + m[1].lower(), metric)}:{','.join(columns)}"
        if metric == "duplicateValues":
            if percent:
                self._add(rule, label, Metric.DUPLICATE_FRACTION, scaled(bounds, 0.01), columns, path)
            else:
                self._add(rule, label, Metric.SQL, bounds, columns, path, Copies(columns))
            return
        if metric == "nullValues" and percent:
            for name in columns:
                self._add(rule, f"null_values:{name}", Metric.NULL_FRACTION, scaled(bounds, 0.01), (name,), path)
            return
        for name in columns:
            bad = counted_values(metric, self.columns[name], arguments)
            if bad is None:
                message = (
                    "invalidValues needs arguments.validValues, a list of values of the column's type, or "
                    "arguments.pattern; missingValues takes a list of words"
                )
                self.findings.problem((*path, "arguments"), message)
                return
            if isinstance(bad, InvalidValues):
                if bounds == Bounds(0, 0) and self._severity(rule, path) is Severity.ERROR:
                    self.rows.append(RowExpression(str(rule.get("name") or f"invalid_values:{name}"), bad))
                    continue
                if self.columns[name].protection is not Protection.NONE:
                    message = (
                        f"{name!r} is protected before the partition is audited; give the column a pattern or an enum"
                    )
                    self.findings.problem(path, message)
                    continue
            count = CountOf(bad, percent)
            self._add(rule, f"{label.split(':')[0]}:{name}", Metric.SQL, bounds, (name,), path, count)

    def _sql(self, rule: dict[str, Any], column: str | None, path: Path_) -> None:
        query = rule.get("query")
        if not isinstance(query, str) or not query.strip():
            self.findings.problem((*path, "query"), "a sql rule needs a query that gives one number")
            return
        query = with_placeholders(query, column, self.table, (*path, "query"), self.findings)
        if query is None:
            return
        if not any(rule.get(key) is not None for key in OPERATORS) and str(self.data.get("apiVersion")) < "v3.1":
            self.findings.note(path, "the rule names no limit, so it is not carried out")
            return
        # a query may give true or false
        rule = {key: int(value) if isinstance(value, bool) else value for key, value in rule.items()}
        bounds = read_bounds(rule, path, self.findings)
        if bounds is not None:
            self.findings.written.append(((*path, "query"), query))
            label = f"sql:{column}" if column else "sql"
            self._add(rule, label, Metric.SQL, bounds, (column,) if column else (), path, query)

    def _custom(self, rule: dict[str, Any], column: str | None, path: Path_) -> None:
        place = (*path, "implementation")
        body = rule.get("implementation")
        if isinstance(body, str):
            try:
                body = yaml.safe_load(body)
            except yaml.YAMLError:
                body = None
        if not isinstance(body, dict):
            self.findings.problem(place, "must be a mapping with the key 'rowExpression' or 'metric'")
            return
        known = {"rowExpression", "metric", "column", "columns", "history", *OPERATORS}
        for key in body:
            if key not in known:
                self.findings.problem((*place, key), f"is not known here{suggestion(str(key), known)}")
        if "rowExpression" in body:
            self._row_expression(rule, str(body["rowExpression"]), path)
            return
        given = str(body.get("metric"))
        metric = CUSTOM_METRICS.get(given)
        if metric is None:
            known_metrics = ", ".join(CUSTOM_METRICS)
            self.findings.problem(
                (*place, "metric"),
                f"{given!r} must be one of {known_metrics}{suggestion(given, CUSTOM_METRICS)}",
            )
            return
        named = body.get("columns") or ([body["column"]] if body.get("column") else None)
        columns = self._targets(named, column, place)
        has_bounds = any(key in body for key in OPERATORS)
        bounds = read_bounds(body if has_bounds else rule, place if has_bounds else path, self.findings)
        history = body.get("history")
        if history is not None and (not isinstance(history, int) or isinstance(history, bool) or history < 3):
            self.findings.problem((*place, "history"), f"must be a number of partitions from 3, not {history!r}")
            return
        if bounds is None or columns is None:
            return
        if metric is Metric.ROW_COUNT:
            columns = ()
        elif not columns:
            self.findings.problem(place, f"{metric} needs a column")
            return
        label = ":".join(filter(None, [str(metric), ",".join(columns)]))
        self._add(rule, label + ("_against_history" if history else ""), metric, bounds, columns, path, history=history)

    def _announced(self, rule: dict[str, Any], column: str | None, path: Path_) -> None:
        check = read_announced(rule, path, self.findings)
        if check is None:
            return
        arguments = rule.get("arguments") or {}
        columns = self._targets(arguments.get("properties") or arguments.get("columns"), column, path)
        bounds = read_bounds(rule, path, self.findings)
        if columns is not None and bounds is not None:
            label = ":".join(filter(None, [check.name, ",".join(columns)]))
            self._add(rule, label, Metric.ANNOUNCED, bounds, columns, path, check=check)

    def _row_expression(self, rule: dict[str, Any], expression: str, path: Path_) -> None:
        self.findings.written.append(((*path, "implementation"), expression))
        name = str(rule.get("name") or f"expression_{len(self.rows) + 1}")
        if self._severity(rule, path) is Severity.ERROR:
            self.rows.append(RowExpression(name, expression))
        else:
            self._add(rule, name, Metric.SQL, Bounds(0, 0), (), path, Breaches(expression))

    def _relation(self, relation: dict[str, Any], column: str | None, path: Path_) -> None:
        found = read_relationship(relation, column, self.data, path, self.findings)
        columns = self._targets(found.columns, None, path) if found is not None else None
        if found is None or columns is None:
            return
        options = found.options
        limited = any(key in options for key in OPERATORS)
        bounds = read_bounds(options, path, self.findings) if limited else Bounds(0, 0)
        if bounds is not None:
            rule = {"name": relation.get("id"), "severity": options.get("severity"), **relation}
            label = f"references:{','.join(columns)}"
            self._add(rule, label, Metric.UNREFERENCED_ROWS, bounds, columns, path, reference=found.reference)

    def _targets(self, named: Any, column: str | None, path: Path_) -> tuple[str, ...] | None:
        names = tuple(words(named)) if named else (column,) if column else ()
        for name in names:
            if name not in self.columns:
                self.findings.problem(
                    path, f"{name!r} is not a column of this contract{suggestion(name, self.columns)}"
                )
                return None
        return names

    def _severity(self, rule: dict[str, Any], path: Path_) -> Severity:
        word = rule.get("severity")
        if word is None:
            return Severity.ERROR
        severity = SEVERITIES.get(str(word).lower())
        if severity is None and (hint := suggestion(str(word), SEVERITIES)):
            self.findings.problem((*path, "severity"), f"{word!r} must be error or warning{hint}")
        elif severity is None:
            self.findings.note((*path, "severity"), f"{word!r} is taken for an error, which blocks")
        return severity or Severity.ERROR

    def _add(
        self, rule: dict[str, Any], label: str, metric: Metric, bounds: Bounds, columns: tuple[str, ...], path: Path_,
        query: str | Count | None = None, *, history: int | None = None, reference: Reference | None = None,
        check: AnnouncedCheck | None = None,
    ) -> None:  # fmt: skip
        check_reach(metric, bounds, history, label, path, self.findings)
        name = str(rule.get("name") or label)
        taken = {existing.name for existing in self.batch}
        number = 2
        while name in taken:
            name, number = f"{rule.get('name') or label}_{number}", number + 1
        made = BatchRule(name, metric, bounds, columns, history, reference, query, check=check)
        self.batch.append(
            replace(made, severity=self._severity(rule, path), description=str(rule.get("description") or ""))
        )
