"""What a batch rule measures, as SQL over all partitions at once, and the values it gives.

``relation`` is anything that can stand behind FROM and has the columns of the table and ``_partition``. A
statement that fails is taken apart, by rule and then by halves of the partitions, until the error belongs to
as few partitions as can be found out. A rule that fails without rows too is at fault itself, and no partition is.
What a value means is for ``gates`` to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from platform_assets.contracts.model import BatchRule, Metric
from platform_assets.failures import Failure, Kind
from platform_assets.publishing.checks import measured_by
from platform_assets.publishing.errors import ReferenceMissing, RuleUnusable
from platform_assets.publishing.fingerprints import is_one_of
from platform_assets.sql.batch_rules import aggregate, duplicates_query, expression_query, unreferenced_query
from platform_assets.sql.translation import NotTranslated
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import PARTITION, PARTITION_NAME, ColumnDef, Session, TableName

MAX_ATTRIBUTION_STATEMENTS = 128
"""How many statements may be spent on finding the partitions at fault; the rest share the blame."""


@dataclass
class Measured:
    """Values by partition (None: the rule's SQL gave null), and by partition why there is none.

    The failure is of the kind ``misconfigured`` where the rule cannot be measured on any rows, ``not_delivered`` where
    it waits for the table that it refers to, ``rejected`` where it fails on the rows of the partition.
    """

    values: dict[str, float | None] = field(default_factory=dict)
    errors: dict[str, Failure] = field(default_factory=dict)


def measure(
    session: Session,
    relation: str,
    rules: Sequence[BatchRule],
    partitions: Sequence[str],
    references: Mapping[str, TableName],
    *,
    exact: bool = False,
) -> list[Measured]:
    """Measure ``rules`` on the ``partitions`` of ``relation``; one result for each rule, in their order.

    ``references`` says where the assets are that rules refer to. ``exact`` says that ``relation`` holds these
    partitions and no others, which spares a semi-join. Never raises ``StatementFailed``.
    """
    results = [Measured() for _ in rules]
    if not partitions:
        return results
    whole = len(partitions) if exact else -1
    plain = [i for i, rule in enumerate(rules) if aggregate(rule) is not None]
    try:
        source = relation if exact else _only(session, relation, partitions)
        rows = _aggregates(session, source, [rules[i] for i in plain])
    except StatementFailed:
        plain = []
    else:
        for position, i in enumerate(plain):
            found = {row[0]: row[1 + position] for row in rows}
            results[i].values = {p: _number(found.get(p, _without_rows(rules[i]))) for p in partitions}
    for i, rule in enumerate(rules):
        if i not in plain:
            result = results[i]
            _isolated(session, relation, rule, partitions, references, result, [MAX_ATTRIBUTION_STATEMENTS], whole)
            failed_on_rows = [p for p, error in result.errors.items() if error.kind is Kind.REJECTED]
            if len(failed_on_rows) == len(partitions) and _is_refused_without_rows(
                session, relation, rule, partitions[:1], references
            ):
                result.errors = {p: replace(error, kind=Kind.MISCONFIGURED) for p, error in result.errors.items()}
    return results


def _aggregates(session: Session, source: str, rules: Sequence[BatchRule]) -> list[tuple[object, ...]]:
    if not rules:
        return []
    measured = ", ".join(str(aggregate(rule, session.dialect)) for rule in rules)
    return session.execute(f"SELECT r.{PARTITION_NAME}, {measured} FROM {source} AS r GROUP BY 1")


def _isolated(
    session: Session,
    relation: str,
    rule: BatchRule,
    partitions: Sequence[str],
    references: Mapping[str, TableName],
    result: Measured,
    budget: list[int],
    whole: int,
) -> None:
    """Measure one rule, halving the partitions on an error until it is attributed or the budget is spent."""
    budget[0] -= 1
    try:
        source = relation if len(partitions) == whole else _only(session, relation, partitions)
        rows = _one_rule(session, source, rule, partitions, references)
    except (NotTranslated, ReferenceMissing, RuleUnusable) as error:
        result.errors.update(dict.fromkeys(partitions, error.failure))
        return
    except StatementFailed as error:
        if len(partitions) == 1 or budget[0] <= 0:
            failure = Failure(Kind.REJECTED, rule.name, str(error).splitlines()[0])
            result.errors.update(dict.fromkeys(partitions, failure))
            return
        middle = len(partitions) // 2
        for half in (partitions[:middle], partitions[middle:]):
            _isolated(session, relation, rule, half, references, result, budget, whole)
        return
    found = {row[0]: row[1] for row in rows}
    result.values.update({p: _number(found.get(p, _without_rows(rule))) for p in partitions})


def _is_refused_without_rows(
    session: Session, relation: str, rule: BatchRule, partition: Sequence[str], references: Mapping[str, TableName]
) -> bool:
    """Whether a rule that failed for all partitions fails for one without rows too: then no row brings it about."""
    nothing = f"(SELECT * FROM {relation} AS s WHERE false)"
    try:
        session.execute(f"SELECT * FROM {nothing} AS r")
    except StatementFailed:
        return False  # the relation cannot be read, which is no fault of the rule
    try:
        _one_rule(session, nothing, rule, partition, references)
    except StatementFailed:
        return True
    return False


def _one_rule(
    session: Session,
    source: str,
    rule: BatchRule,
    partitions: Sequence[str],
    references: Mapping[str, TableName],
) -> list[tuple[object, ...]]:
    if aggregate(rule) is not None:
        return _aggregates(session, source, [rule])
    if rule.metric is Metric.DUPLICATE_FRACTION:
        return session.execute(duplicates_query(rule, source, PARTITION, session.dialect))
    if rule.metric is Metric.UNREFERENCED_ROWS:
        asset = rule.reference.asset if rule.reference is not None else ""
        if asset not in references:
            raise ReferenceMissing(
                f"{asset or 'its reference'} has never been published, so nothing can be found in it"
            )
        table = session.quote(references[asset].schema, references[asset].name)
        return session.execute(unreferenced_query(rule, source, PARTITION, table, session.dialect))
    if rule.metric is Metric.SQL:
        return session.execute(expression_query(rule, source, PARTITION, _keys(session, partitions), session.dialect))
    if rule.metric is Metric.ANNOUNCED:
        return list[tuple[object, ...]](measured_by(rule, session, source))
    raise RuleUnusable(f"the metric {rule.metric} is not one that can be measured")


def _only(session: Session, relation: str, partitions: Sequence[str]) -> str:
    return f"(SELECT * FROM {relation} AS s WHERE {is_one_of(session, f's.{PARTITION_NAME}', partitions)})"


def _keys(session: Session, partitions: Sequence[str]) -> str:
    return session.stage_rows([ColumnDef("partition_key", "VARCHAR")], [(partition,) for partition in partitions])


def _without_rows(rule: BatchRule) -> float | None:
    """The value for a partition without rows: counts, fractions and sums are 0, a mean does not exist."""
    return None if rule.metric in (Metric.MEAN, Metric.SQL, Metric.ANNOUNCED) else 0.0


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]
