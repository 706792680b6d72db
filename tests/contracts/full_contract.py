"""A contract that uses every part of what the platform reads."""

from pathlib import Path

FULL = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 2.1.0
status: active
domain: sales
tags: [daily]
description: {purpose: Orders of the shop.}
servers:
  - server: landing
    type: local
    path: orders
    format: csv
    delimiter: ";"
    encoding: latin-1
    customProperties:
      - {property: nullStrings, value: ["", "NA"]}
schema:
  - name: orders
    physicalType: file
    properties:
      - name: shop
        logicalType: string
        primaryKey: true
        primaryKeyPosition: 2
        logicalTypeOptions: {pattern: "^[A-Z]+$", minLength: 2, maxLength: 4}
      - name: id
        physicalName: Order No
        logicalType: integer
        primaryKey: true
        primaryKeyPosition: 1
        logicalTypeOptions: {minimum: 1, multipleOf: 5}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", description: In euros.}
      - {name: weight, logicalType: number, logicalTypeOptions: {minimum: 0, exclusiveMinimum: true}}
      - name: at
        logicalType: timestamp
        logicalTypeOptions: {defaultTimezone: Europe/Berlin}
      - name: day
        logicalType: date
        logicalTypeOptions: {format: dd.MM.yyyy, minimum: 2013-01-01}
      - {name: email, logicalType: string, classification: PII, customProperties: [{property: protection, value: hash}]}
      - name: state
        logicalType: string
        enum: [{value: new}, {value: paid}]
        quality:
          - {type: library, metric: nullValues, mustBeLessThan: 5, unit: percent, severity: warning}
          - {type: library, metric: invalidValues, arguments: {validValues: [new, paid]}, mustBe: 0}
      - name: customer
        logicalType: object
        properties:
          - {name: tel, classification: pii, customProperties: [{property: protection, value: drop}]}
          - name: mails
            logicalType: array
            items: {logicalType: string, classification: pii, customProperties: [{property: protection, value: mask}]}
      - name: plane
        logicalType: string
        relationships:
          - {to: planes.tailnum, customProperties: [{property: severity, value: warning}]}
    quality:
      - {type: library, metric: rowCount, mustBeBetween: [1, 1000]}
      - {type: library, metric: duplicateValues, arguments: {properties: [id, day]}, mustBeLessThan: 1, unit: percent}
      - {type: sql, name: paid_share, query: "SELECT avg((state = 'paid')::INT) FROM ${table}", mustBeGreaterThan: 0.2}
      - type: custom
        engine: platform-assets
        name: heavy_is_dear
        implementation: {rowExpression: "weight < 100 OR amount > 10"}
      - type: custom
        engine: platform-assets
        implementation: {metric: sum, column: amount, history: 28, mustBeBetween: [0.5, 2]}
slaProperties:
  - {property: latency, value: 26, unit: h}
  - {property: timeOfAvailability, value: "08:30", valueExt: Europe/Berlin}
team: {name: shop, members: [{username: ada@example.com, role: Owner}, {username: bob, role: Engineer}]}
customProperties:
  - {property: quarantineLimit, value: 2%}
  - {property: emptyDelivery, value: allowed}
  - property: notDue
    value:
      - {reason: closed, weekday: sunday}
      - {reason: ended, after: 2013-12-31}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "contract.yaml"
    path.write_text(text)
    return path
