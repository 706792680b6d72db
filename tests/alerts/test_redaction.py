"""What leaves the platform has no secrets of the environment, and nothing that looks like one or like a person."""

from __future__ import annotations

import pytest

from platform_assets.alerts.redaction import HIDDEN, redacted, secrets_of

PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIIabc\nDEFGHIJKL\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("cannot reach postgresql://me:pa55@host/db", "pa55"),
        ("cannot reach mysql://me:p/w0rd@host/db", "p/w0rd"),
        ("cannot reach mysql://me:p@ssw0rd@host/db", "ssw0rd"),
        ("GET https://example.com/x?sig=abc%2Fdef&a=1", "abc%2Fdef"),
        ("password=hunter22 is wrong", "hunter22"),
        ("Authorization: Bearer abcdefgh.ijkl", "abcdefgh.ijkl"),
        (PRIVATE_KEY, "MIIabc"),
        ("token xoxb-1234-abcdefgh was refused", "xoxb-1234-abcdefgh"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl", "eyJhbGciOiJIUzI1"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("the row of jane.doe+x@mail.example.org", "jane.doe"),
        ("IBAN DE89 3704 0044 0532 0130 00", "3704"),
        ("card 4111 1111 1111 1111", "4111"),
        ("call +49 170 1234567", "1234567"),
    ],
)
def test_what_looks_like_a_secret_or_a_person_is_hidden(text: str, hidden: str) -> None:
    assert hidden not in redacted(text)
    assert HIDDEN in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "raw/orders failed: 2 of 5 partitions were rejected, 2024-01-05 ... 2024-02-29",
        "row 1234567 of 20240105120000.csv: not a number in column amount",
        "s3://bucket/lake/orders/2024-01-05/part-0001.parquet is not there",
        "ValueError in jobs.py, line 120",
        "platform-assets run raw/orders --partition 2024-01-05T10:00",
        "the run 3f2b1c9e-7a41-4c1b-9f55-0a7b8c9d0e1f ended with exit code -9",
    ],
)
def test_what_a_reader_needs_stays(text: str) -> None:
    assert redacted(text) == text


def test_values_of_secret_variables_are_hidden_by_name_and_line() -> None:
    variables = {
        "SNOWFLAKE_PRIVATE_KEY": "first-line\nsecond-line", "MY_TOKEN": "short", "APP_PASSWORD": "long-enough",
        "MYSQL_PWD": "my-pwd-value", "TEAMS_URL": "https://hook/x", "PWD": "/srv/visible",
        "SLACK_TOKEN_VARIABLE": "visible-name", "SSH_KEY_PATH": "/etc/visible/key", "HOME": "/home/visible",
    }  # fmt: skip
    secrets = secrets_of(variables, named=["TEAMS_URL"])
    found = redacted("second-line, short, long-enough, visible-name, /etc/visible/key", secrets)
    assert found == f"{HIDDEN}, short, {HIDDEN}, visible-name, /etc/visible/key"
    assert redacted("my-pwd-value https://hook/x /srv/visible", secrets) == f"{HIDDEN} {HIDDEN} /srv/visible"
