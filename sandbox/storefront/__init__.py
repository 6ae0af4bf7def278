"""A storefront with buyers, for development, demonstrations and tests."""
