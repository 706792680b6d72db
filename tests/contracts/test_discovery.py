"""`contract check FOLDER` finds every contract, however YAML lets its kind be written, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.cli.contract import is_contract
from tests.contracts.full_contract import FULL
from tests.contracts.test_command_line import run

KIND = "kind: DataContract\n"
SPELLINGS = {
    "as the standard has it": KIND,
    "double quotes": 'kind: "DataContract"\n',
    "single quotes": "kind: 'DataContract'\n",
    "a quoted key": '"kind": DataContract\n',
    "spaces": "kind  :   DataContract   # the kind\n",
    "a block": "kind: >-\n  DataContract\n",
    "the next line": "kind:\n  DataContract\n",
    "a tag": "kind: !!str DataContract\n",
    "an anchor": "kind: &kind DataContract\n",
    "an alias": "x-kind: &kind DataContract\nkind: *kind\n",
    "an escape": 'kind: "Data\\x43ontract"\n',
    "explicit": "? kind\n: DataContract\n",
    "other letters": "kind: datacontract\n",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("ending", ["contract.yaml", "contract.yml", "Contract.YAML"])
def test_a_contract_is_found_and_checked(tmp_path: Path, spelling: str, ending: str) -> None:
    text = FULL.replace(KIND, SPELLINGS[spelling])
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / ending).write_text(text)
    (tmp_path / "defs.yaml").write_text("type: platform_assets.FileFeed\n# of a DataContract\n")
    result = run("check", tmp_path)
    assert "1 contract: " in result.output
    (folder / ending).write_text(text.replace("version: 2.1.0", "versoin: 2.1.0"))
    assert run("check", tmp_path).exit_code == 1


@pytest.mark.parametrize(
    "raw",
    [FULL.encode("utf-8-sig"), FULL.encode("utf-16"), b"---\n# first\n" + FULL.encode(),
     FULL.replace("\n", "\r\n").encode(),
     b"{\n\"kind\": \"DataContract\", \"x\": [\n", b"kind: DataContract\n\tbroken: yes\n"],
)  # fmt: skip
def test_marks_comments_and_broken_files_hide_no_contract(raw: bytes) -> None:
    assert is_contract(raw)


@pytest.mark.parametrize(
    "text",
    ["", "a: 1", "- kind: DataContract", "x: {kind: DataContract}", "kind: Deployment\nx: DataContract",
     "# kind: DataContract", "kind: [DataContract]", "text: 'kind: DataContract'"],
)  # fmt: skip
def test_other_files_are_no_contracts(text: str) -> None:
    assert not is_contract(text.encode())
