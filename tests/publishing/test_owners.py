"""Which lease owners are alive, who is asked about them, and what of their leases others may take."""

from __future__ import annotations

import os

import hypothesis.strategies as st
import pytest
from hypothesis import given

from platform_assets.machine import started
from platform_assets.publishing.leases import NotFree, acquire
from platform_assets.publishing.migrations import migrate
from platform_assets.publishing.owners import is_alive, registered
from platform_assets.publishing.processes import is_of_this_thread, new_owner, retire
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.support import ASSET
from tests.publishing.test_leases import DEAD, ELSEWHERE, expire, hold


class Answer:
    """A liveness that says the same of every owner."""

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer

    def is_alive(self, owner: str) -> bool | None:
        return self.answer


class Broken:
    """A liveness that cannot be reached."""

    def is_alive(self, owner: str) -> bool | None:
        raise ConnectionError("the cluster does not answer")


def test_which_processes_are_alive() -> None:
    mine = new_owner()
    place, pid, start, nonce = mine.rsplit("/", 3)
    assert is_alive(mine) is True
    assert is_of_this_thread(mine)
    assert is_alive(f"{place}/{pid}/{start}/another-nonce") is False  # of this process, and not at work
    assert is_alive(f"{place}/{pid}/1{start}/{nonce}") is False  # an older process with the same id
    assert is_alive(DEAD) is False
    assert is_alive(f"{place}/{os.getppid()}/{started(os.getppid())}/{nonce}") is True
    for unknown in (ELSEWHERE, "", "nonsense", f"x{mine}"):
        assert is_alive(unknown) is None
    retire(mine)
    assert is_alive(mine) is False
    assert not is_of_this_thread(mine)


@given(name=st.text(max_size=20))
def test_a_name_of_whatever_form_is_never_taken_for_dead(name: str) -> None:
    assert is_alive(name) is None


def test_the_longest_prefix_is_asked_first_and_the_others_after_it() -> None:
    with registered("pod/", Answer(True)), registered("pod/a/", Answer(False)), registered("pod/b/", Answer(None)):
        assert is_alive("pod/a/1") is False
        assert is_alive("pod/b/1") is True
        assert is_alive("pod/c/1") is True
        assert is_alive(DEAD) is False
    assert is_alive("pod/a/1") is None


def test_a_liveness_that_fails_concludes_nothing() -> None:
    with registered("pod/", Broken()):
        assert is_alive("pod/1") is None


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize(("alive", "taken"), [(True, (False, False)), (False, (True, True)), (None, (False, True))])
def test_what_liveness_and_expiry_say_of_a_lease(
    warehouse: Warehouse, alive: bool | None, expired: bool, taken: tuple[bool, bool]
) -> None:
    """``taken`` is for a lease that stands, then for one that has expired."""
    owner = "pod/1"
    hold(warehouse, owner, "a", "b")
    if expired:
        expire(warehouse)
    with registered("pod/", Answer(alive)), warehouse.session() as session:
        migrate(session)
        keys = [(ASSET, "a"), (ASSET, "c")]
        if taken[expired]:
            with session.transaction():
                lease = acquire(session, keys, owner="next", run_id="next", seconds=60)
            assert lease.tokens == {(ASSET, "a"): 2, (ASSET, "c"): 1}
        else:
            with pytest.raises(NotFree) as refused, session.transaction():
                acquire(session, keys, owner="next", run_id="next", seconds=60)
            assert [(busy.partition, busy.owner) for busy in refused.value.busy] == [("a", owner)]
            # all or none: the one that was free has no owner, and no row of its own
            rows = session.execute("SELECT partition_key, token, holder FROM platform.leases ORDER BY 1")
            assert rows == [("a", 1, owner), ("b", 1, owner)]
