"""Which environment variables dbt asks for while it parses.

dbt itself records only some of them: not those of the profile, although the schema and the database of every model
come from there. All of them are read through the environment of its invocation, which is watched here.
"""

from __future__ import annotations

from typing import Any


class AskedVariables:
    """A callback for dbt's events, and the names that dbt has asked for since the first of them.

    dbt makes the invocation's environment when it starts, before its first event and before it reads any file.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __call__(self, _: Any) -> None:
        from dbt_common.context import get_invocation_context

        context = get_invocation_context()
        if not isinstance(context._env, _Watched):
            context._env = _Watched(context._env, self.names)


class _Watched(dict[str, str]):
    def __init__(self, values: Any, names: set[str]) -> None:
        super().__init__(values)
        self._names = names

    def __contains__(self, name: object) -> bool:
        self._names.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> str:
        self._names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._names.add(name)
        return super().get(name, default)
