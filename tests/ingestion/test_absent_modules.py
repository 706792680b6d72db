"""Where pandas is not installed, DuckDB does not look for it again with each value that a function gives it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys
from pathlib import Path

ABSENT = ("pandas", "pyarrow", "polars", "torch", "tensorflow", "IPython", "ipywidgets")
asked = []


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            asked.append(name)
            raise ModuleNotFoundError(name=name)


sys.meta_path.insert(0, Absent())
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.partition_key import PartitionKey
from tests.support.lake import KEY, contract_of

document = {"name": "doc", "logicalType": "object", "properties": [
    {"name": "a", "logicalType": "integer", "logicalTypeOptions": {"minimum": 0}}]}
folder = Path(sys.argv[1])
rows = [json.dumps({"id": at, "doc": {"a": at}}) for at in range(3000)]
(folder / "a.json").write_text("\\n".join(rows))
contract = contract_of([{"name": "id", "logicalType": "integer"}, document], form="json")
del asked[:]
delivery = Delivery("feed", PartitionKey("2013-01-01"), (FileVersion.of(folder / "a.json"),))
assert ingest(contract=contract, delivery=delivery, lake=folder / "lake", pseudonym_key=KEY).rows_out == 3000
print(len(asked))
"""


def test_absent_modules_are_looked_for_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 50, "once for each module, not once for each of 3,000 rows"
