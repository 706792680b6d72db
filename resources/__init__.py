"""What this deployment configures: the Dagster resources of each environment."""
