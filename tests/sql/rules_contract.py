"""A contract with every kind of rule that is compiled, over columns whose names and values are hard to write."""

RULES = """\
apiVersion: v3.1.0
kind: DataContract
id: rules
version: 1.0.0
servers: [{server: landing, type: local, path: rules, format: csv}]
schema:
  - name: rules
    properties:
      - name: mail
        logicalType: string
        logicalTypeOptions: {format: email, pattern: "it's @"}
        quality:
          - {type: library, metric: invalidValues,
             arguments: {validValues: ["it's", "{table}", 'q"q'], pattern: "^[^']"}, mustBe: 0}
          - {type: library, metric: missingValues,
             arguments: {missingValues: [null, "", "n/a", "{table}"]}, mustBeLessThan: 5, unit: percent}
          - {type: library, metric: missingValues, arguments: {missingValues: ["-"]}, mustBeLessThan: 5}
          - {type: library, metric: missingValues, mustBeLessThan: 5}
          - {type: library, metric: missingValues, arguments: {missingValues: [null]}, mustBeLessThan: 7}
          - {type: library, metric: nullValues, mustBeLessThan: 5}
          - {type: library, metric: nullValues, mustBeLessThan: 5, unit: percent}
          - {type: sql,
             query: "SELECT count(*) FILTER (WHERE ${column} = '{field}' OR {property} IS NULL)
               FROM ${object} -- {model}",
             mustBeLessThan: 9}
      - name: 'a "b" {column}'
        physicalName: steps
        logicalType: number
        physicalType: DECIMAL(12,2)
        logicalTypeOptions: {multipleOf: 0.5, minimum: 1}
        quality:
          - {type: library, metric: invalidValues,
             arguments: {validValues: [1, 2.5]}, mustBeLessThan: 3, unit: percent}
          - {type: library, metric: invalidValues, arguments: {validValues: [1, 2.5]}, mustBe: 0, severity: warning}
      - {name: n, logicalType: integer, logicalTypeOptions: {multipleOf: 7}}
      - name: day
        logicalType: date
        quality:
          - {type: library, metric: invalidValues, arguments: {validValues: [2013-01-01, 2013-02-01]}, mustBe: 0}
          - {type: library, metric: duplicateValues, mustBeLessThan: 2}
      - name: at
        logicalType: timestamp
        logicalTypeOptions: {timezone: true}
        quality:
          - {type: library, metric: invalidValues,
             arguments: {validValues: ["2013-01-01T00:00:00+02:00"]}, mustBe: 0, name: early}
      - name: ok
        logicalType: boolean
        quality:
          - {type: library, metric: invalidValues, arguments: {validValues: [true]}, mustBeLessThan: 100}
    quality:
      - {type: library, metric: duplicateValues, arguments: {properties: [n, day, 'a "b" {column}']}, mustBe: 0}
      - {type: sql,
             query: "SELECT max(n) FROM {table} WHERE '{column}' <> '' ; ", mustBeGreaterThan: 1}
      - {type: custom, engine: platform-assets, severity: warning, implementation: {rowExpression: "n > 5 -- why"}}
      - {type: custom, engine: platform-assets, name: hard, implementation: {rowExpression: "n > 4 -- why"}}
      - {type: custom, engine: platform-assets,
         implementation: {metric: duplicate_fraction, columns: [n, day], mustBeLessThan: 1}}
"""
