"""Every word of the Open Data Contract Standard, and what becomes of it here.

This is the one place that says which words are carried out, which are kept as metadata of the asset, and which are
only reported. ``about`` keeps and reports by it, and the table in docs/contracts_words.md is written from it
(``make words``). The names are those of the standard's own pydantic model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Treatment(StrEnum):
    """What becomes of a word."""

    CARRIED_OUT = "carried out"
    KEPT = "kept"
    REPORTED = "reported"


@dataclass(frozen=True)
class Word:
    """A word's treatment, and what it comes to in a few words for the documentation."""

    treatment: Treatment
    meaning: str


def _done(meaning: str) -> Word:
    return Word(Treatment.CARRIED_OUT, meaning)


def _kept(meaning: str = "metadata of the raw asset") -> Word:
    return Word(Treatment.KEPT, meaning)


def _reported(meaning: str) -> Word:
    return Word(Treatment.REPORTED, meaning)


_WITH = "with the word that it stands in"
_ID = {"id": _kept(_WITH)}
_REST = {"customProperties": _kept(_WITH), "authoritativeDefinitions": _kept(_WITH)}

_ELEMENT = {
    "id": _done("the end of a relationship, `schema/<id>/properties/<id>`"),
    "businessName": _kept(),
    "deprecated": _kept(),
    "synonyms": _kept(),
    "authoritativeDefinitions": _kept(),
    "relationships": _done("foreign keys, as batch rules"),
    "quality": _done("row rules and batch rules"),
}

WORDS: Mapping[str, Mapping[str, Word]] = {
    "OpenDataContractStandard": {
        "version": _done("code version of the assets; stands in every manifest"),
        "kind": _done("has to be `DataContract`"),
        "apiVersion": _done("v3.0 and v3.1; the words of 3.0 have their meaning of then"),
        "id": _kept(),
        "name": _kept(),
        "tenant": _kept(),
        "tags": _done("tags of the assets"),
        "status": _kept(),
        "servers": _done("the first with a format of files says how they are written"),
        "dataProduct": _kept(),
        "description": _done("description of the assets (`purpose`); the rest is kept"),
        "domain": _done("group of the assets, and a part of their keys where defs.yaml asks for it"),
        "schema_": _done("a feed for each entry; `schema:` in defs.yaml names one of several"),
        "support": _kept(),
        "price": _kept(),
        "team": _done("owners of the assets"),
        "roles": _kept(),
        "slaDefaultElement": _kept(),
        "slaProperties": _done(
            "`latency`, `freshness` and `timeOfAvailability`: deadlines, `onTime`: error budget; others are kept"
        ),
        "authoritativeDefinitions": _kept(),
        "customProperties": _done("those of the platform, see The feed as a whole; others are kept"),
        "context": _kept(),
        "contractCreatedTs": _kept(),
    },
    "Description": {
        "purpose": _done("description of the assets, where the schema has none"),
        "usage": _kept(_WITH), "limitations": _kept(_WITH), **_REST,
    },
    "SchemaObject": {
        **_ELEMENT,
        "name": _done("the feed's name"),
        "physicalType": _kept(),
        "physicalName": _kept("as metadata; also a name of the table in the SQL of rules"),
        "description": _done("description of the assets"),
        "tags": _done("tags of the assets"),
        "customProperties": _kept(),
        "logicalType": _kept(),
        "dataGranularityDescription": _kept(),
        "properties": _done("the columns"),
        "context": _kept(),
    },
    "SchemaProperty": {
        **_ELEMENT,
        "name": _done("name of the column"),
        "physicalType": _done("length, precision and time zone; the type, where there is no logicalType"),
        "physicalName": _done("name in the file"),
        "description": _done("description of the column"),
        "tags": _done("those of personal data ask for a protection; kept"),
        "customProperties": _done("those of the platform, see Types and Personal data; others are kept"),
        "primaryKey": _done("required, and unique within the partition"),
        "primaryKeyPosition": _done("order of the key"),
        "logicalType": _done("type of the column"),
        "logicalTypeOptions": _done("row rules; see the table of options"),
        "semanticType": _kept(),
        "required": _done("row rule"),
        "unique": _done("row rule"),
        "partitioned": _kept("partitions are those of defs.yaml"),
        "partitionKeyPosition": _kept("partitions are those of defs.yaml"),
        "classification": _done("personal data needs a protection; columns are masked by it (access.md)"),
        "encryptedName": _kept(),
        "transformSourceObjects": _kept(),
        "transformLogic": _kept(),
        "transformDescription": _kept(),
        "examples": _kept(),
        "enum": _done("row rule"),
        "criticalDataElement": _kept(),
        "properties": _done("values inside an object"),
        "items": _done("values of an array"),
        "map": _kept("the column is read as one JSON document"),
    },
    "DataQuality": {
        **_ID, **_REST,
        "businessImpact": _kept(_WITH),
        "description": _done("description of the check"),
        "dimension": _kept(_WITH),
        "method": _kept(_WITH),
        "name": _done("name of the check, and of a row rule's reason"),
        "schedule": _reported("rules are audited whenever a partition is loaded"),
        "scheduler": _reported("rules are audited whenever a partition is loaded"),
        "severity": _done("error blocks, warning does not"),
        "tags": _kept(_WITH),
        "type": _done("`library`, `sql` and `custom`; `text` and engines of others are reported"),
        "unit": _done("`rows` or `percent`"),
        "metric": _done("all five of the standard"),
        "rule": _done("the same, and `nullCheck`, `duplicateCount`, `validValues`; others of 3.0 are reported"),
        "arguments": _done("`properties`, `validValues`, `missingValues`, `pattern`"),
        "mustBe": _done("limit"), "mustNotBe": _done("limit"),
        "mustBeGreaterThan": _done("limit"), "mustBeGreaterOrEqualTo": _done("limit"),
        "mustBeLessThan": _done("limit"), "mustBeLessOrEqualTo": _done("limit"),
        "mustBeBetween": _done("limit"), "mustNotBeBetween": _done("limit"),
        "query": _done("of `type: sql`"),
        "engine": _done("`platform-assets`, and checks of installed packages; others are reported"),
        "implementation": _done("of such an engine"),
    },
    "Relationship": {
        **_ID,
        "type": _done("`foreignKey`"),
        "from_": _done("columns of this table"),
        "to": _done("columns of another feed; those of another contract file are reported"),
        "customProperties": _done("`severity` and a limit"),
    },
    "EnumValue": {
        **_ID, **_REST,
        "value": _done("an allowed value"),
        "label": _kept(_WITH), "description": _kept(_WITH), "tags": _kept(_WITH),
    },
    "Server": {
        **_ID,
        "server": _kept(_WITH), "type": _kept(_WITH), "description": _kept(_WITH), "environment": _kept(_WITH),
        "roles": _kept(_WITH),
        "customProperties": _done("`quote`, `escape`, `header`, `nullStrings`, `delimiter`, `encoding`"),
        "format": _done("format of the files"),
        "delimiter": _done("of CSV"),
        "encoding": _done("of text"),
        **dict.fromkeys(
            (
                "account", "catalog", "catalogUrl", "database", "dataset", "endpointUrl", "host", "location",
                "namespace", "path", "port", "project", "region", "regionName", "schema_", "serviceName", "stagingDir",
                "stream", "warehouse", "workgroup",
            ),
            _kept("files are found by `files:` in defs.yaml"),
        ),
    },
    "Team": {
        **_ID, **_REST,
        "name": _done("owner, where no member has a user name"),
        "members": _done("owners"),
        "description": _kept(_WITH), "tags": _kept(_WITH),
    },
    "TeamMember": {
        **_ID, **_REST,
        "username": _done("owner: an email address, or `team:` and the name"),
        "role": _done("those with the role of an owner are preferred"),
        "dateOut": _done("whoever has left owns nothing"),
        "name": _kept(_WITH), "description": _kept(_WITH), "dateIn": _kept(_WITH),
        "replacedByUsername": _kept(_WITH), "tags": _kept(_WITH),
    },
    "ServiceLevelAgreementProperty": {
        **_ID, **_REST,
        "property": _done("`latency`, `freshness`, `timeOfAvailability`, `onTime`; others are kept and reported"),
        "value": _done("a time span, or a time of day with or without an offset"),
        "valueExt": _done("time zone of a time of day"),
        "unit": _done("of a time span"),
        "element": _done("which of several schemas is meant"),
        "schedule": _done("deadline, if it is a schedule of five fields"),
        "scheduler": _kept(_WITH), "driver": _kept(_WITH), "description": _kept(_WITH),
    },
    "CustomProperty": {
        **_ID,
        "property": _done("name"), "value": _done("value"),
        "vendor": _done("a name that is nearly one of the platform's is a mistake, but for other vendors"),
        "description": _kept(_WITH),
    },
}  # fmt: skip
"""By model and field. Words of models that are not here are kept as they are, with the word that they stand in."""


def treatment(model: str, word: str) -> Treatment:
    """What becomes of a word; of one that the standard does not have here, that it is reported."""
    known = WORDS.get(model)
    if known is None:
        return Treatment.KEPT
    found = known.get(word) or known.get(f"{word}_")
    return Treatment.REPORTED if found is None else found.treatment
