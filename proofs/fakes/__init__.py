"""Stateful lookalikes of the outside world, each with a ledger on disk."""
