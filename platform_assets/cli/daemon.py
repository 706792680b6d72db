"""`platform-assets daemon`: Dagster's daemon, of which several may be started on one instance."""

from __future__ import annotations

import click

from platform_assets.cli.places import require_dagster_home


@click.command(context_settings={"ignore_unknown_options": True}, options_metavar="")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF dagster-daemon run]")
def daemon(options: tuple[str, ...]) -> None:
    """Run Dagster's daemon; of several on one instance one acts, and the others stand by.

    The options are those of `dagster-daemon run`, such as -w workspace.yaml. Standing by, a process has everything
    loaded: it acts some seconds after the one before has ended. On PostgreSQL they may be on several machines.
    """
    import dagster as dg
    from dagster._daemon.cli import run_command

    from platform_assets.launching.interrupted_ticks import finish_interrupted_ticks
    from platform_assets.launching.leader import leading, lock_of

    def say(line: str) -> None:
        click.echo(line, err=True)

    require_dagster_home()
    with dg.DagsterInstance.get() as instance, leading(lock_of(instance, say), say):
        for name in finish_interrupted_ticks(instance):
            say(f"finished the tick of {name} that the daemon before had begun")
        # a launcher of pods looks at those of the daemon before
        getattr(instance.run_launcher, "start_watching", lambda: None)()
        run_command.main(list(options), prog_name="platform-assets daemon", standalone_mode=False)
