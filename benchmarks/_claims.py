"""JSON lines with an object and an array of objects, clean and with every hundredth bad, under seven nested rules."""

from __future__ import annotations

from pathlib import Path

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: bench
version: 1.0.0
servers: [{server: landing, type: local, path: claims, format: json}]
schema:
  - name: claims
    properties:
      - {name: claim, logicalType: integer, primaryKey: true, required: true}
      - name: patient
        logicalType: object
        properties:
          - {name: id, logicalType: string, required: true}
          - {name: born, logicalType: date, logicalTypeOptions: {minimum: "1900-01-01"}}
          - {name: zip, logicalType: string, logicalTypeOptions: {pattern: "^[0-9]{5}$"}}
      - name: services
        logicalType: array
        logicalTypeOptions: {minItems: 1}
        items:
          logicalType: object
          properties:
            - {name: code, logicalType: string, logicalTypeOptions: {pattern: "^[0-9]{5}$"}}
            - {name: units, logicalType: integer, logicalTypeOptions: {minimum: 1}}
            - {name: amount, logicalType: number, physicalType: "DECIMAL(9,2)", logicalTypeOptions: {minimum: 0}}
customProperties: [{property: quarantineLimit, value: 0.05}]
"""
TYPES = {
    "claim": "BIGINT",
    "patient": "STRUCT(id VARCHAR, born DATE, zip VARCHAR)",
    "services": "STRUCT(code VARCHAR, units BIGINT, amount DECIMAL(9,2))[]",
}
BORN, ZIP, CODE, UNITS = (
    "(DATE '1930-01-01' + (hash(i + 1) % 30000)::INT)::VARCHAR",
    "lpad((hash(i + 2) % 100000)::VARCHAR, 5, '0')",
    "lpad((hash(i + j) % 100000)::VARCHAR, 5, '0')",
    "1 + (hash(i + j) % 9)::BIGINT",
)
AMOUNT = "((hash(i + j + 5) % 100000) / 100)::DECIMAL(9,2)"
BAD = {BORN: "'1880-01-01'", ZIP: "'101'", CODE: "'x'", UNITS: "0"}
"""What stands in the place of a value, each in a quarter of the bad rows."""


def _rows(rows: int, *, dirty: bool) -> str:
    """SQL for the rows: a patient, and one to five services."""
    born, zipped, code, units = (
        f"CASE WHEN i % 400 = {at * 100} THEN {bad} ELSE {good} END" if dirty else good
        for at, (good, bad) in enumerate(BAD.items())
    )
    patient = f"{{'id': 'p-' || (hash(i) % 500000), 'born': {born}, 'zip': {zipped}}}"
    service = f"{{'code': {code}, 'units': {units}, 'amount': {AMOUNT}}}"
    services = f"[{service} FOR j IN range(1 + (hash(i + 3) % 5)::BIGINT)]"
    return f"SELECT i AS claim, {patient} AS patient, {services} AS services FROM range(1, {rows + 1}) AS t(i)"


def write_rows(rows: int, clean: Path, dirty: Path) -> None:
    """The same rows twice; in ``dirty`` every hundredth is bad."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as engine:
        for path, bad in ((clean, False), (dirty, True)):
            engine.execute(f"COPY ({_rows(rows, dirty=bad)}) TO '{path}' (FORMAT json)")


def reading(file: str) -> str:
    """DuckDB's own reading of the file, the types given."""
    columns = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in TYPES.items()) + "}"
    return f"read_json('{file}', columns = {columns}, format = 'newline_delimited')"
