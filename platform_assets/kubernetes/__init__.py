"""Runs as pods of Kubernetes: sized by class, watched, and started once more where the cluster was at fault."""
