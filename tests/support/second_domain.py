"""Feeds that no builder of the platform has seen: their YAML, their files with dirt, and an independent count.

The count is made in plain Python while the files are written; nothing of the platform is used for it.
"""

import csv
import datetime as dt
import json
import random
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

SECRET = "Zerafina Quillfeather"
CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: {name}
name: {name}
version: 1.0.0
status: active
domain: shop
team: [{{username: "team:shop", role: owner}}]
servers: [{{server: landing, type: local, path: {name}, format: {format}}}]
slaProperties: [{{property: latency, value: 6, unit: h}}]
customProperties: [{{property: quarantineLimit, value: 20%}}]
schema:
  - name: {name}
    logicalType: object
    description: {name} of the shop.
    properties:
{columns}
"""
FEEDS = {
    "meter": (
        "csv",
        'meter/%Y%m%dT%H%z.csv\n  partitions: {type: hourly, start_date: "2024-11-02-00:00", '
        'end_date: "2024-11-05-00:00", timezone: America/New_York}',
        """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: kwh, logicalType: number, physicalType: "DECIMAL(10,3)", required: true,
         logicalTypeOptions: {minimum: 0}}
""",
    ),
    "orders": (
        "json",
        'orders/%Y-%m-%d.jsonl\n  partitions: {type: daily, start_date: "2024-03-01", end_date: "2024-03-15", '
        "timezone: Europe/Berlin}",
        """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", required: true}
      - name: customer
        logicalType: string
        classification: personal
        customProperties: [{property: protection, value: hash}]
      - name: card
        logicalType: string
        classification: personal
        customProperties: [{property: protection, value: drop}]
      - name: shipping
        logicalType: object
        properties:
          - {name: city, logicalType: string}
          - name: recipient
            logicalType: string
            classification: personal
            customProperties: [{property: protection, value: mask}]
""",
    ),
    "stock": (
        "parquet",
        'stock/%Y-%m.parquet\n  partitions: {type: monthly, start_date: "2024-01-01", end_date: "2024-04-01"}',
        """
      - {name: sku, logicalType: string, required: true, primaryKey: true}
      - {name: units, logicalType: integer, required: true, logicalTypeOptions: {minimum: 0}}
""",
    ),
    "spring": (
        "csv",
        'spring/%Y%m%dT%H%z.csv\n  partitions: {type: hourly, start_date: "2024-03-30-12:00", '
        'end_date: "2024-04-01-00:00", timezone: Europe/Berlin}',
        """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
""",
    ),
    "weeks": (
        "csv",
        "weeks/%G-W%V.csv\n  partitions: {type: weekly, day_offset: 1, "
        'start_date: "2024-12-16", end_date: "2025-01-13"}',
        """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
""",
    ),
    "shops": (
        "csv",
        "shops/{key}_*.csv\n  partitions: {type: dynamic, name: shops}",
        """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
""",
    ),
    "regions": (
        "csv",
        "regions/{key}.csv\n  partitions: {type: static, partition_keys: [north, south]}",
        """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: opened, logicalType: date}
""",
    ),
    "products": (
        "csv",
        "products.csv",
        """
      - {name: sku, logicalType: string, required: true, primaryKey: true}
      - {name: price, logicalType: number, physicalType: "DECIMAL(8,2)", required: true}
""",
    ),
}
SHOPS = ("Köln Mitte", "o'hara")
MEASURES = {
    "meter": "kwh",
    "orders": "amount",
    "stock": "units",
    "regions": "id",
    "products": "price",
    "spring": "id",
    "weeks": "id",
    "shops": "id",
}


def defs_files() -> dict[str, str]:
    """defs.yaml and contract.yaml of every feed, by path below the defs folder."""
    files: dict[str, str] = {}
    for name, (kind, feed, columns) in FEEDS.items():
        files[f"shop/{name}/contract.yaml"] = CONTRACT.format(name=name, format=kind, columns=columns.strip("\n"))
        text = f"type: platform_assets.FileFeed\nattributes:\n  settle_seconds: 0\n  files: {feed}\n"
        files[f"shop/{name}/defs.yaml"] = text
    return files


def deliver(landing: Path) -> dict[tuple[str, str], tuple[int, Decimal, int]]:
    """Write all files; returns (good rows, sum of the measure over them, bad rows) by feed and partition."""
    dice = random.Random(7)
    expected: dict[tuple[str, str], tuple[int, Decimal, int]] = {}
    for folder in ("meter", "orders", "stock", "regions", "spring", "weeks", "shops"):
        (landing / folder).mkdir(parents=True)
    ids = [str(number) for number in range(1, 11)]
    numbered = "\n".join(["id", *ids, "10", "x"]) + "\n"  # a second 10, of which the first stays, and no number
    spring = dg.HourlyPartitionsDefinition("2024-03-30-12:00", end_date="2024-04-01-00:00", timezone="Europe/Berlin")
    weeks = dg.WeeklyPartitionsDefinition("2024-12-16", end_date="2025-01-13", day_offset=1)
    for name, partitions, form in (("spring", spring, "%Y%m%dT%H%z.csv"), ("weeks", weeks, "%G-W%V.csv")):
        for key in partitions.get_partition_keys():
            start = partitions.time_window_for_partition_key(key).start
            (landing / name / start.strftime(form)).write_text(numbered)
            expected[name, key] = (10, Decimal(55), 2)
    assert len(spring.get_partition_keys()) == 35, "an hour is left out"
    for shop in SHOPS:
        for part in (1, 2):
            (landing / "shops" / f"{shop}_{part}.csv").write_text(f"id\n{part}\n")
        expected["shops", shop] = (2, Decimal(3), 0)
    hours = dg.HourlyPartitionsDefinition("2024-11-02-00:00", end_date="2024-11-05-00:00", timezone="America/New_York")
    for key in hours.get_partition_keys():
        start = hours.time_window_for_partition_key(key).start
        lines, good = ["kwh,id"], []  # not in the contract's order
        for number in range(dice.randint(1, 60)):
            value = Decimal(dice.randint(0, 10**6)) / 1000
            broken = dice.random() < 0.03
            text = dice.choice(["-1.5", "1.0005", "n/a", ""]) if broken else f"{value:.3f}"
            lines.append(f"{text},{number}")
            good += [] if broken else [value]
        (landing / "meter" / start.strftime("%Y%m%dT%H%z.csv")).write_text("\n".join(lines) + "\n")
        expected["meter", key] = (len(good), sum(good, Decimal()), len(lines) - 1 - len(good))
    for offset in range(14):
        day = dt.date(2024, 3, 1) + dt.timedelta(days=offset)
        rows, good = [], []
        for number in range(40):
            amount = Decimal(dice.randint(-5000, 10**6)) / 100
            row = {
                "id": number,
                "amount": float(amount),
                "customer": SECRET if number % 7 == 0 else f"customer {number}",
                "card": f"card of {SECRET}",
                "shipping": {"city": "Fürth", "recipient": SECRET},
            }
            if number == 5:
                row["id"] = "five"
            else:
                good.append(amount)
            rows.append(json.dumps(row, ensure_ascii=False))
        (landing / "orders" / f"{day}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
        expected["orders", str(day)] = (len(good), sum(good, Decimal()), 1)
    for month in ("2024-01", "2024-02", "2024-03"):
        units = [dice.randint(-1, 500) for _ in range(300)]
        table = pa.table({"units": pa.array(units, pa.int32()), "sku": [f"sku-{n}" for n in range(300)]})
        pq.write_table(table, landing / "stock" / f"{month}.parquet")
        good_units = [unit for unit in units if unit >= 0]
        expected["stock", f"{month}-01"] = (len(good_units), Decimal(sum(good_units)), 300 - len(good_units))
    for region in ("north", "south"):
        with (landing / "regions" / f"{region}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["id", "opened"], [1, "2024-02-29"], [2, ""], [3, "2024-02-28"], [4, "2020-01-01"]])
            writer.writerow([5, "2023-02-29"] if region == "south" else [5, "2023-02-28"])
        bad = int(region == "south")
        expected["regions", region] = (5 - bad, Decimal(sum(range(1, 6 - bad))), bad)
    (landing / "products.csv").write_text('sku,price\n"a ""quoted"" one",1.50\nb,2\n"c\nd",3.25\n')
    expected["products", "snapshot"] = (3, Decimal("6.75"), 0)
    return expected
