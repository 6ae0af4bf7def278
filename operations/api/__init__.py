"""What every HTTP endpoint of ours shares: strict reading, API keys, idempotent requests."""
