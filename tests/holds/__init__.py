"""Tests of holds and of the circuit breaker."""
