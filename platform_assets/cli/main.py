"""The command `platform-assets`: verbs for contracts, quarantine and the ledger, each in a file of its own.

Nothing here imports Dagster, so that the command starts at once; `ingest` and `run` do when they run. A mistake of
the user's ends with a message and exit code 1 or 2, never with a stack trace.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from platform_assets.cli.ctrl_c import FROM_A_SHELL
from platform_assets.cli.kept_answers import answered

GROUPS = {
    "alerts": ("platform_assets.cli.alerts", "Incidents: list, acknowledge, mute; test the channels."),
    "contract": ("platform_assets.cli.contract", "Infer, validate and compare data contracts."),
    "daemon": ("platform_assets.cli.daemon", "Run Dagster's daemon; of several one acts, the others stand by."),
    "doctor": ("platform_assets.cli.doctor", "Check the configuration end to end, and say how to mend it."),
    "hold": ("platform_assets.cli.hold", "Keep assets from being materialized by anybody, until they are released."),
    "release": ("platform_assets.cli.hold", "Let assets that are held be materialized again."),
    "holds": ("platform_assets.cli.hold", "List the assets that are held, by whom and why."),
    "retries": ("platform_assets.cli.retries", "Print how often each kind of failure is tried again, and when."),
    "quarantine": ("platform_assets.cli.quarantine", "Read the rows that were quarantined, or purge them."),
    "lake": ("platform_assets.cli.lake", "Remove what killed runs have left in a lake below a URL."),
    "ledger": ("platform_assets.cli.ledger", "Read versions and verdicts of published tables."),
    "watchdog": ("platform_assets.cli.watchdog", "Report that the daemon, a sensor or a schedule has stopped."),
    "warehouse": ("platform_assets.cli.warehouse", "Compare, fill or tidy warehouses; plan and apply access."),
    "status": ("platform_assets.cli.status", "Show how every asset stands: lag, deadlines, budgets, incidents."),
    "source": ("platform_assets.cli.source", "Add a source from sample files: its contract, pattern and partitions."),
    "ingest": ("platform_assets.cli.ingest", "Ingest deliveries of a feed now; with --force again."),
    "reload": ("platform_assets.cli.reload", "Bring a live feed under its contract as it is now, and prove it."),
    "launch": ("platform_assets.cli.launch", "Materialize assets in a Dagster that is running, and wait."),
    "run": ("platform_assets.cli.run", "Materialize a selection of assets now, with a line for each at the end."),
    "dbt": ("platform_assets.cli.dbt", "Plan a change of a dbt project; write its sources and macros; lint it."),
}


class LazyGroup(click.Group):
    """Imports a group of verbs when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in GROUPS:
            return None
        module, _ = GROUPS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(GROUPS.items())])


class PlatformCommand(LazyGroup):
    """Ends with a message, not with a stack trace, on what a user or the machine can be at fault for."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        # a program that calls this, such as a test, is not to be forked
        options.setdefault("obj", FROM_A_SHELL if args is None else None)
        return answered(words, lambda: super(PlatformCommand, self).main(args, *more, **options))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # click ends quietly when nobody reads any more
        except OSError as error:
            shown = f"{str(error.filename)[:120]}: " if error.filename else ""
            raise click.ClickException(f"{shown}{error.strerror or error}") from error
        except UnicodeEncodeError as error:
            raise click.ClickException(f"{error.object[:60]!a} is not a text in UTF-8") from error
        except Exception as error:
            reason = _reason(error)
            if reason is None:
                raise
            raise click.ClickException(str(reason)) from error


def _reason(error: BaseException | None) -> BaseException | None:
    """The platform's own error that ``error`` is, or was caused by: its text says what to do.

    Dagster wraps what it meets while definitions load.
    """
    from platform_assets.failures import PlatformError

    if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort):
        return None
    while error is not None and not isinstance(error, PlatformError):
        error = error.__cause__
    return error


@click.group(cls=PlatformCommand)
@click.version_option(package_name="platform-assets")
def main() -> None:
    """Contracts, quarantine and ledger of platform-assets, from the command line."""


if __name__ == "__main__":
    main()
