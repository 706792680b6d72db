"""From signals to incidents, and from these to a notice for each person who has to know. Nothing here knows Dagster."""
