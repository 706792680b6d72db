"""What each kind of failure does next: the policy as a value, and the tries within a run."""
