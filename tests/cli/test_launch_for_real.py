"""`platform-assets launch` with a Dagster that is running: runs that are launched, waited for and refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from platform_assets.cli.launch import launch
from tests.launching.shop import Shop, shop_in
from tests.support.served_project import messages
from tests.support.servers import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(name="shop", scope="module")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop_in(tmp_path_factory.mktemp("launched")) as shop:
        yield shop


def command(shop: Shop, *arguments: str) -> Result:
    return CliRunner().invoke(launch, [*arguments, "--url", shop.servers.url])


def test_a_run_is_launched_and_waited_for(shop: Shop) -> None:
    result = command(shop, "about")
    assert result.exit_code == 0, result.output
    first, last = result.output.strip().splitlines()
    assert first.startswith(f"about: {shop.servers.url}/runs/")
    assert last == "about: success"
    assert shop.run(first.rpartition("/")[2])["status"] == "SUCCESS"


def test_a_failed_run_says_why_and_is_an_error_for_a_script(shop: Shop) -> None:
    result = command(shop, "broken")
    assert result.exit_code == 1
    assert "broken: failure" in result.output
    assert "the till is empty" in result.output


def test_partitions_are_named_one_or_from_first_to_last(shop: Shop) -> None:
    assert "daily has partitions: name one with --partition" in command(shop, "daily").output
    assert "no asset with partitions" in command(shop, "about", "--partition", "mon").output
    assert "a range is FIRST...LAST" in command(shop, "daily", "--partition", "mon...").output
    for wanted in ("mon", "mon...wed"):
        result = command(shop, "daily", "--partition", wanted)
        assert result.exit_code == 0, result.output
    run = shop.run(result.output.splitlines()[0].rpartition("/")[2])
    assert "for ['mon', 'tue', 'wed']" in messages(run)
    result = command(shop, "daily", "--partition", "never")
    assert result.exit_code == 1
    assert "never" in result.output


def test_an_asset_that_is_not_there_has_a_neighbour_named(shop: Shop) -> None:
    result = command(shop, "abuot")
    assert result.exit_code == 1
    assert "no asset 'abuot'" in result.output
    assert "did you mean 'about'?" in result.output


def test_it_need_not_wait(shop: Shop) -> None:
    result = command(shop, "endless", "--no-wait")
    assert result.exit_code == 0
    run_id = result.output.strip().rpartition("/")[2]
    wait_for("the run", lambda: shop.run(run_id)["status"] == "STARTED")
    shop.terminate(run_id)
    assert shop.ended(run_id)["status"] == "CANCELED"
