"""The outside world, for development and tests: a stand-in payment provider and a storefront with buyers."""
