"""What dbt's errors may say: what a warehouse quotes of a row is left out, the rest stays."""

from __future__ import annotations

import pytest

from platform_assets.dbt.errors import is_of_the_node, without_values

DUCKDB = "Runtime Error in test t (tests/t.sql)\n  Conversion Error: Could not convert string '{}' to INT32\n  LINE 1"
NO_NUMBER = (
    "None is not of type 'integer'\n\nFailed validating 'type' in schema['properties']['failures']:\n"
    "    {'type': 'integer'}\n\nOn instance['failures']:\n    None"
)


@pytest.mark.parametrize("value", ["ann@there", "o'neill", "two\nlines", 'say "yes"'])
@pytest.mark.parametrize(
    "text",
    [
        DUCKDB,
        'Database Error in model m\n  invalid input syntax for type integer: "{}"\n  compiled code at m.sql',
        "Database Error in model m\n  duplicate key value\n  DETAIL:  Key (email)=({}) already exists.",
        "Database Error in model m\n  100038 (22018): Numeric value '{}' is not recognized",
        'Runtime Error in model m\n  Constraint Error: Duplicate key "email: {}" violates primary key',
    ],
)
def test_a_value_of_a_row_is_left_out(text: str, value: str) -> None:
    said = without_values(text.format(value))
    assert value not in said
    assert not any(part in said for part in value.split())
    assert said.splitlines()[0] == text.splitlines()[0]


@pytest.mark.parametrize(
    "text",
    [
        'Runtime Error in test t\n  Binder Error: Referenced column "nonsense" not found in FROM clause!',
        "Compilation Error in model m (models/m.sql)\n  'no_such_macro' is undefined",
        "Runtime Error in model m\n  Invalid Input Error: no good 300",
    ],
)
def test_what_names_no_value_stays(text: str) -> None:
    assert without_values(text) == text


def test_a_fail_calc_without_a_number_is_the_fault_of_the_test() -> None:
    assert is_of_the_node(NO_NUMBER, lambda text: None)
    assert not is_of_the_node("None is not of type 'integer'", lambda text: None)
