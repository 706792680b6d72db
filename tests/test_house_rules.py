"""Rules of the tree that no linter has: how long a file may get, and that each says what it is for."""

import ast
from collections.abc import Iterator
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


NOT_SQL = {
    "platform_assets/alerts/rendering/html.py": "attributes of HTML",
    "platform_assets/formats/text_copy.py": "fields of a CSV file",
    "platform_assets/formats/json/template.py": "keys of JSON",
    "platform_assets/formats/json/uniform.py": "keys of JSON",
    "platform_assets/reloading/needles.py": "fields of a CSV file",
}
QUOTES = ("'", '"')


def quoted_by_hand(text: str) -> Iterator[int]:
    """Lines in which a name or a value is put between quotes, or its quotes are doubled."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            for before, value, after in zip(node.values, node.values[1:], node.values[2:], strict=False):
                inside = isinstance(value, ast.FormattedValue) and value.conversion == -1
                signs = [str(part.value) for part in (before, after) if isinstance(part, ast.Constant)]
                if inside and len(signs) == 2 and signs[0][-1:] == signs[1][:1] and signs[0][-1:] in QUOTES:
                    yield node.lineno
        elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant) and node.left.value in QUOTES:
            yield node.lineno
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "replace":
            given = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if len(given) == 2 and given[0] in QUOTES and given[1] == 2 * str(given[0]):
                yield node.lineno


def test_names_and_values_are_quoted_in_the_room_for_sql_only() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "platform_assets").rglob("*.py")
        if "platform_assets/sql/" not in str(path) and (lines := list(quoted_by_hand(path.read_text(encoding="utf-8"))))
    }
    assert found.keys() == NOT_SQL.keys(), found


BY_HAND = [
    "f\"SELECT '{value}'\"",
    "f'SELECT \"{name}\" FROM t'",
    "'\"' + name + '\"'",
    'text.replace("\'", "\'\'")',
    "name.replace('\"', '\"\"')",
]


@pytest.mark.parametrize("line", BY_HAND)
def test_what_is_quoted_by_hand_is_found(line: str) -> None:
    assert list(quoted_by_hand(line)) == [1]


@pytest.mark.parametrize("line", ['f"no {name!r} here"', 'f"SELECT {quoted(name)}"', 'text.replace("a", "aa")'])
def test_what_is_not_quoted_by_hand_is_passed_over(line: str) -> None:
    assert list(quoted_by_hand(line)) == []
