"""fakesnow's server, with what it lacks of Snowflake's sessions. Run by the Python of its own environment.

DuckDB refuses a change of rows that another transaction is changing, and reads as of the beginning of a transaction.
Snowflake waits for the other one up to LOCK_TIMEOUT, and reads what was committed before each statement. Therefore a
transaction is begun anew before each of its statements until one of them changes something, and a statement that is
refused is tried again meanwhile. After its first change a transaction reads as of that moment here. Where it then has
to wait, what it did since that change is carried out anew before each try; it is aborted where that has another result
than before. LOCK_TIMEOUT is a second at most.

What makes or changes a table commits the transaction first. Errors have a query id, one password is right, and
transactions can be listed and aborted.
"""

import gzip
import importlib
import json
import re
import sys
import threading
import time
import uuid
from contextvars import ContextVar

import duckdb
import pyarrow as pa
import uvicorn
from fakesnow import arrow
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.cursor import FakeSnowflakeCursor
from snowflake.connector.errors import ProgrammingError
from sqlglot import Expr, exp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

server = importlib.import_module("fakesnow.server")  # the package has a function of the same name

LOCK_TIMEOUT = 625
"""Snowflake's number of the error at the end of the wait for a lock."""
DEADLOCK = 1208
_BETWEEN_TRIES = 0.02
_LONGEST_WAIT = 1.0
_COMMENT = re.compile(r"^\s*/\*.*?\*/|/\*.*?\*/\s*;?\s*$", re.DOTALL)
_BEGIN = re.compile(r"\s*BEGIN(?: TRANSACTION)?(?: NAME (\S+))?\s*", re.IGNORECASE)
_END = re.compile(r"\s*(?:COMMIT|ROLLBACK)\s*", re.IGNORECASE)
_CREATE = re.compile(r"(?:CREATE|ALTER) TABLE .* COMMENT '", re.DOTALL)
_DDL = re.compile(r"\s*(?:CREATE|ALTER|DROP|COMMENT|TRUNCATE)\b", re.IGNORECASE)
_LOOK = re.compile(r"\s*\(*\s*(?:SELECT|WITH|DESC|DESCRIBE|SHOW|LIST)\b", re.IGNORECASE)
_CLOCK = "SYSDATE()"
"""Its value is another one whenever it is read."""
_PART = r'"(?:[^"]|"")*"'
_SWAP = re.compile(rf"ALTER TABLE ({_PART})\.({_PART}) SWAP WITH {_PART}\.({_PART})")
_ABORT = re.compile(r"\s*SELECT SYSTEM\$ABORT_TRANSACTION\((\d+)\)\s*", re.IGNORECASE)

parse, execute, connect, respond = (
    server.parse_one,
    FakeSnowflakeCursor.execute,
    server.shared_fs.connect,
    server.JSONResponse,
)
transform, structs = FakeSnowflakeCursor._transform, arrow.timestamp_to_sf_struct
lock_seconds: ContextVar[float] = ContextVar("lock_seconds", default=0.0)
transactions: dict[int, FakeSnowflakeConnection] = {}
one_at_a_time = threading.Lock()


def _plain(command: str) -> str:
    """A statement without the comment that dbt puts before or behind it, and without its semicolon."""
    return _COMMENT.sub("", command).strip().rstrip(";")


def parsed(command: str) -> Expr:
    command = _plain(command)
    if not command:
        raise ProgrammingError(msg="Empty SQL statement.", errno=900, sqlstate="42601")
    return parse(_BEGIN.sub("BEGIN", command) if _BEGIN.fullmatch(command) else command)


def executed(cursor: FakeSnowflakeCursor, command: str, *arguments: object, **how: object) -> FakeSnowflakeCursor:
    """``FakeSnowflakeCursor.execute`` with Snowflake's transactions."""
    connection, command = cursor._conn, _plain(command)
    if begin := _BEGIN.fullmatch(command):
        number = time.time_ns()
        connection._number, connection._name = number, begin[1] or str(number)
        connection._changed, connection._done = False, []
        transactions[number] = connection
        return execute(cursor, "BEGIN", *arguments, **how)
    if _END.fullmatch(command):
        transactions.pop(connection._number, None)
        connection._number = 0
        return execute(cursor, command, *arguments, **how)
    if command.startswith("COMMENT ON COLUMN"):
        _with_locks(cursor, command, arguments, how)
        return execute(cursor, "SELECT 'Statement executed successfully.' AS status", **how)
    if swap := _SWAP.fullmatch(command):
        schema, between = swap[1], f'{swap[3][:-1]}__"'
        renames = ((swap[2], between), (swap[3], swap[2]), (between, swap[3]))
        for old, new in ((f"{schema}.{old}", new) for old, new in renames):
            _with_locks(cursor, f"ALTER TABLE {old} RENAME TO {new}", arguments, how)
        return execute(cursor, "SELECT 'Statement executed successfully.' AS status", **how)
    if command.strip().upper() == "SHOW TRANSACTIONS":
        return execute(cursor, _shown(), **how)
    if abort := _ABORT.fullmatch(command):
        if aborted := transactions.pop(int(abort[1]), None):
            aborted._number = 0
            aborted._duck_conn.execute("ROLLBACK")
        return execute(cursor, "SELECT 'Transaction aborted.' AS status", **how)
    if connection._number and _DDL.match(command):
        transactions.pop(connection._number, None)
        connection._number = 0
        cursor._duck_conn.execute("COMMIT")
    result = _with_locks(cursor, command, arguments, how)
    if _CREATE.match(command):
        for name, comment in _comments(command):
            connection.cursor().execute(f"COMMENT ON COLUMN {name} IS {comment}")
    return result


def _comments(command: str) -> list[tuple[str, str]]:
    """The names of the columns that a statement makes with a comment, and the comments, as they stand there."""
    made = parse(command)
    table = made.find(exp.Table)
    return [
        (f"{table.sql('snowflake')}.{column.this.sql('snowflake')}", comment.this.sql("snowflake"))
        for column in made.find_all(exp.ColumnDef)
        for comment in column.find_all(exp.CommentColumnConstraint)
    ]


def transformed(cursor: FakeSnowflakeCursor, expression: Expr, parameters: object) -> Expr:
    """``FakeSnowflakeCursor._transform``, with numbers of hex digits, and with temporary tables in a schema.

    DuckDB has no such tables: they are others, which whoever made them drops.
    """
    if isinstance(expression, exp.Create) and expression.this.find(exp.Table).db:
        for temporary in list(expression.find_all(exp.TemporaryProperty)):
            temporary.pop()
    return transform(cursor, expression.transform(_hexadecimal), parameters)


def _hexadecimal(node: Expr) -> Expr:
    if isinstance(node, exp.ToNumber) and node.args.get("format") is not None:
        return exp.cast(exp.DPipe(this=exp.Literal.string("0x"), expression=node.this), "HUGEINT", dialect="duckdb")
    return node


def timestamps(values: pa.ChunkedArray) -> pa.Array:
    """``fakesnow.arrow.timestamp_to_sf_struct``, with nulls."""
    values = values.combine_chunks()
    made = structs(values.fill_null(0))
    fields = [made.type.field(place) for place in range(made.type.num_fields)]
    return pa.StructArray.from_arrays(made.flatten(), fields=fields, mask=values.is_null())


def _shown() -> str:
    rows = [f'SELECT {number} AS "id", \'{c._name}\' AS "name"' for number, c in list(transactions.items())]
    return " UNION ALL ".join(rows) or 'SELECT 0 AS "id", NULL AS "name" WHERE false'


def _with_locks(
    cursor: FakeSnowflakeCursor, command: str, arguments: tuple[object, ...], how: dict[str, object]
) -> FakeSnowflakeCursor:
    connection, end = cursor._conn, time.monotonic() + min(cursor._conn._lock_seconds, _LONGEST_WAIT)
    refused = False
    while True:
        try:
            if connection._number and (refused or not connection._changed):
                _carry_out_anew(cursor)
            result = execute(cursor, command, *arguments, **how)
        except duckdb.TransactionException as error:
            refused = True
            if time.monotonic() > end:
                raise _end_of_wait(cursor, str(error)[:80]) from None
            time.sleep(_BETWEEN_TRIES)
        except (duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
            raise ProgrammingError(msg=str(error), errno=100038, sqlstate="22018") from None
        else:
            if connection._number:
                connection._changed = connection._changed or _LOOK.match(command) is None
                if connection._changed and _CLOCK not in command:
                    connection._done.append((command, arguments, how, result._arrow_table))
            return result


def _carry_out_anew(cursor: FakeSnowflakeCursor) -> None:
    """Begin the transaction again, with what it did since its first change: DuckDB ends one that was refused."""
    cursor._duck_conn.execute("ROLLBACK")
    cursor._duck_conn.execute("BEGIN TRANSACTION")
    for command, arguments, how, seen in cursor._conn._done:
        if not execute(cursor, command, *arguments, **how)._arrow_table.equals(seen):
            raise _aborted("what it had read was changed meanwhile")


def _end_of_wait(cursor: FakeSnowflakeCursor, why: str) -> ProgrammingError:
    """The error at the end of LOCK_TIMEOUT, after which the transaction goes on."""
    text = f"the lock on a table is held by another transaction ({why})"
    try:
        if cursor._conn._number:
            _carry_out_anew(cursor)
    except duckdb.TransactionException:
        return _aborted(text)
    return ProgrammingError(msg=text, errno=LOCK_TIMEOUT, sqlstate="57014")


def _aborted(why: str) -> ProgrammingError:
    return ProgrammingError(msg=f"Transaction was aborted: {why}", errno=DEADLOCK, sqlstate="40P01")


def connected(*arguments: object, **how: object) -> FakeSnowflakeConnection:
    with one_at_a_time:
        connection = connect(*arguments, **how)
    connection._number, connection._name, connection._changed, connection._done = 0, "", False, []
    connection._lock_seconds = lock_seconds.get()
    return connection


class Answer(respond):
    """Errors have a query id."""

    def __init__(self, content: dict[str, object], *arguments: object, **how: object) -> None:
        if content.get("success") is False and isinstance(content.get("data"), dict):
            content["data"]["queryId"] = str(uuid.uuid4())
        super().__init__(content, *arguments, **how)


async def login(request: Request) -> Response:
    body = await request.body()
    data = json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)["data"]
    right = data.get("PASSWORD") == sys.argv[2] or "TOKEN" in data
    print("login", "accepted" if right else "refused", flush=True)
    if not right:
        message = "Incorrect username or password was specified."
        return respond({"data": {"nextAction": "RETRY_LOGIN"}, "code": "390100", "message": message, "success": False})
    lock_seconds.set(float(data["SESSION_PARAMETERS"].get("LOCK_TIMEOUT", 60)))
    return await server.login_request(request)


def main() -> None:
    # it would be made in upper case, and stand for the one in quotes
    server.shared_fs.create_schema_on_connect = False
    server.parse_one = parsed
    FakeSnowflakeCursor.execute = executed
    server.shared_fs.connect = connected
    FakeSnowflakeCursor._transform = transformed
    arrow.timestamp_to_sf_struct = timestamps
    server.JSONResponse = Answer
    path = "/session/v1/login-request"
    routes = [Route(path, login, methods=["POST"]), *(route for route in server.routes if route.path != path)]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
