"""Rules of the tree that no linter has: how long a file may get, and that each says what it is for."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300
ROOMS = ("platform_assets", "resources", "dbt_project/models", "dbt_project/macros", "demo", "benchmarks", "tests")
FILES = sorted(
    path for room in ROOMS for kind in ("*.py", "*.sql", "*.yml", "*.yaml") for path in (ROOT / room).rglob(kind)
)


def test_no_file_is_longer_than_can_be_read_at_once() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert len(lengths) > 100, "the rooms were found"
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix == ".py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "an empty file, or one with a docstring"
