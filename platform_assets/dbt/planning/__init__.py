"""What a change of a dbt project does: two states of it are compared, and nothing is run."""
