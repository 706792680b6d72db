"""A child forked while a session is open."""

from __future__ import annotations

import os
from typing import Any

from platform_assets.warehouse.errors import SessionMisused


def refused_in_a_child(session: Any, statement: str) -> bool:
    """Whether a child that the session is carried over to is refused the statement, for that reason, and can close."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            session.execute(statement)
        except SessionMisused as error:
            code = 0 if "fork" in str(error) else 2
        session.close()
        os._exit(code)
    return os.waitpid(pid, 0)[1] == 0
