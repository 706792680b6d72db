"""Contracts of a library that lends books, which use every word of the standard: one of 3.1 and one of 3.0."""

from __future__ import annotations

NEW = """\
apiVersion: "v3.1.0"
kind: "DataContract"
id: lending-7
name: Lending
version: 1.2.0
status: active
tenant: city
tags: [daily, "for readers"]
domain: Public Libraries
dataProduct: loans
contractCreatedTs: "2025-03-01T08:00:00Z"
slaDefaultElement: loans.lent_on
context:
  instructions: Ask for one branch at a time.
  verifiedStatements:
    - {id: v1, question: "How many?", answer: Few., tags: [q], customProperties: [{property: a, value: 1}],
       authoritativeDefinitions: [{id: x, url: https://example.com/q, type: doc, description: Why}]}
  constraints:
    - {id: c1, constraint: No names., tags: [q], customProperties: [{property: a, value: 1}],
       authoritativeDefinitions: [{url: https://example.com/c, type: doc}]}
description:
  purpose: Who reads what.
  usage: For planning.
  limitations: Not for single readers.
  authoritativeDefinitions: [{url: https://example.com/d, type: doc}]
  customProperties: [{property: a, value: 1}]
servers:
  - {id: s1, server: where_it_lives, type: postgres, description: Far away, environment: prod, host: db.example.com,
     port: 5432, database: city, schema: lending, format: rows}
  - server: elsewhere
    type: custom
    account: a
    catalog: c
    catalogUrl: https://example.com
    dataset: d
    endpointUrl: https://example.com
    location: s3://bucket/loans
    namespace: n
    path: loans
    project: p
    region: eu
    regionName: eu-1
    serviceName: s
    stagingDir: t
    stream: u
    warehouse: w
    workgroup: g
  - server: landing
    type: local
    format: csv
    delimiter: ";"
    encoding: utf-8
    roles: [{id: r, role: reader, description: Reads, access: read, firstLevelApprovers: ada,
             secondLevelApprovers: bob, customProperties: [{property: a, value: 1}]}]
    customProperties: [{property: nullStrings, value: ["-"]}]
roles: [{role: auditor, access: read}]
support:
  - {id: h, channel: help, url: https://example.com/help, description: Ask, tool: email, scope: issues,
     invitationUrl: https://example.com/in, customProperties: [{property: a, value: 1}]}
price: {id: p, priceAmount: 0.5, priceCurrency: EUR, priceUnit: month}
team:
  id: t
  name: lenders
  description: They lend.
  tags: [desk]
  customProperties: [{property: a, value: 1}]
  authoritativeDefinitions: [{url: https://example.com/t, type: doc}]
  members:
    - {id: m, username: ada.l, name: Ada, description: Leads, role: Data Owner, dateIn: 2020-01-01, tags: [desk],
       customProperties: [{property: a, value: 1}], authoritativeDefinitions: [{url: https://example.com/m, type: cv}]}
    - {username: bob, role: owner, dateOut: 2021-01-01, replacedByUsername: ada.l}
slaProperties:
  - {id: l, property: latency, value: 2, unit: d, element: loans.lent_on, scheduler: cron, schedule: 0 30 * * *,
     driver: operational, description: Soon, customProperties: [{property: a, value: 1}],
     authoritativeDefinitions: [{url: https://example.com/l, type: doc}]}
  - {property: timeOfAvailability, value: "09:30-08:00", element: loans.lent_on}
  - {property: timeOfAvailability, value: "07:00", valueExt: Europe/Berlin, element: books.isbn}
  - {property: endOfLife, value: "2042-05-12T09:30:10-08:00"}
authoritativeDefinitions: [{url: https://example.com/a, type: doc}]
customProperties:
  - {id: q, property: quarantineLimit, value: 3%, description: Few}
  - {property: shelf, value: 12, vendor: shelves}
schema:
  - id: loans_tbl
    name: loans
    physicalName: lending.loans_v2
    physicalType: table
    logicalType: object
    businessName: Loans
    description: One row for each loan.
    dataGranularityDescription: A loan.
    deprecated: false
    synonyms: [{id: y, synonym: borrowings, description: Also, locale: en, source: desk, status: draft,
                customProperties: [{property: a, value: 1}]}]
    tags: [loans]
    context: Ask by day.
    customProperties: [{property: a, value: 1}]
    authoritativeDefinitions: [{url: https://example.com/loans, type: doc}]
    relationships: [{id: rel, type: foreignKey, from: loans.isbn, to: schema/books_tbl/properties/isbn_id,
                     customProperties: [{property: severity, value: warning}]}]
    quality:
      - {id: n, metric: rowCount, mustBeGreaterThan: 0, name: some_loans, description: Not none,
         dimension: completeness, method: reconciliation, severity: error, businessImpact: operational,
         schedule: 0 20 * * *, scheduler: cron, tags: [a], customProperties: [{property: a, value: 1}],
         authoritativeDefinitions: [{url: https://example.com/n, type: doc}]}
      - {metric: duplicateValues, arguments: {properties: [isbn, lent_on]}, mustBeBetween: [0, 90], unit: percent}
      - {type: sql, query: "SELECT count(*) FROM {object} WHERE days > 90", mustBeLessOrEqualTo: 10}
      - {type: sql, query: "SELECT count(*) = 0 FROM lending.loans_v2 WHERE days < 0", mustBe: true}
      - {type: text, description: Books come back.}
      - {type: custom, engine: soda, implementation: "checks: []"}
      - type: custom
        engine: platform-assets
        name: short
        implementation: {rowExpression: days < 400}
    properties:
      - id: loan
        name: loan
        physicalName: Loan No
        logicalType: integer
        physicalType: BIGINT
        primaryKey: true
        primaryKeyPosition: 1
        required: true
        unique: true
        description: The number of the loan.
        businessName: Number
        logicalTypeOptions: {format: u32, maximum: 900000}
        partitioned: false
        partitionKeyPosition: -1
        criticalDataElement: true
        deprecated: false
        synonyms: [{synonym: loan number}]
        encryptedName: loan_x
        transformSourceObjects: [desk.loans]
        transformLogic: select loan
        transformDescription: As it is.
        examples: [17, 18]
        semanticType: key
        tags: [key]
        authoritativeDefinitions: [{url: https://example.com/loan, type: doc}]
      - name: isbn
        logicalType: string
        classification: public
        relationships: [{to: books.isbn}]
        quality:
          - {metric: nullValues, mustBeLessThan: 1, unit: percent}
          - {metric: missingValues, arguments: {missingValues: [null, "", n/a]}, mustBeLessThan: 5}
          - {metric: invalidValues, arguments: {pattern: "^[0-9-]+$"}, mustBe: 0}
          - {type: sql, query: "SELECT count(*) FROM ${table} WHERE ${column} IS NULL", mustNotBe: 3}
          - {metric: nullValues, mustNotBeBetween: [10, 20]}
          - {metric: nullValues, mustBeGreaterOrEqualTo: 0}
      - {name: lent_on, logicalType: date, logicalTypeOptions: {minimum: "2020-01-01 00:00:00", format: dd.MM.yyyy}}
      - {name: lent_at, logicalType: time, logicalTypeOptions: {format: "HH:mm"}}
      - {name: closes_at, logicalType: time}
      - {name: seen, logicalType: timestamp, logicalTypeOptions: {minimum: "2020-01-01T02:00:00+02:00"}}
      - {name: days, logicalType: integer}
      - name: state
        logicalType: string
        enum: [{id: e, value: out, label: Out, description: Lent, tags: [a],
                customProperties: [{property: a, value: 1}],
                authoritativeDefinitions: [{url: https://example.com/e, type: doc}]}, {value: back}]
      - name: reader
        logicalType: object
        properties: [{name: branch, logicalType: string}]
      - {name: notes, logicalType: array, items: {logicalType: string}}
      - {name: marks, logicalType: map, map: {key: {logicalType: string}, value: {logicalType: integer}}}
      - {name: filename, logicalType: string, customProperties: [{property: protection, value: mask}]}
  - id: books_tbl
    name: books
    properties: [{id: isbn_id, name: isbn, logicalType: string, primaryKey: true}]
"""

OLD = """\
apiVersion: v3.0.2
kind: DataContract
id: lending-6
version: 1.0.0
status: active
team: [{username: carl}]
description: {purpose: Who reads what.}
slaProperties: [{property: latency, value: 4, unit: d, column: loans.lent_on}]
schema:
  - name: loans
    warehouse_hint: none
    quality:
      - {rule: rowCount, mustBeBetween: [1, 120]}
      - {rule: countCheck, description: As many as ever}
      - {rule: tableShape}
    properties:
      - name: isbn
        logicalType: string
        quality:
          - {type: library, rule: nullCheck}
          - {rule: duplicateCount, mustBeLessThan: 10, unit: rows}
          - {rule: minCheck, customProperties: [{property: min, value: 1}]}
          - {type: sql, query: "SELECT COUNT(*) FROM ${object} WHERE ${property} IS NOT NULL", mustBeLessThan: 3600}
      - name: unit
        physicalType: varchar(9)
        quality: [{rule: validValues, validValues: [pounds, kilos]}]
      - name: anything
"""
