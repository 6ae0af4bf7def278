"""Durable jobs: rows in a table, woken by hints, swept for liveness."""
