"""Check the servers that DATABASE_URL and BROKER_URL name, before anything is started against them."""

import kombu
import kombu.exceptions
import psycopg

from config.embedded.binaries import POSTGRES_FLOOR
from config.embedded.errors import ServerUnusable

_PATIENCE_S = 5


def check_database(url: str) -> None:
    """Raise `ServerUnusable` unless `url` leads to a PostgreSQL of at least the floor's version."""
    try:
        with psycopg.connect(url, connect_timeout=_PATIENCE_S) as connection:
            major = connection.info.server_version // 10_000
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1]
        raise ServerUnusable(variable="DATABASE_URL", reason=reason) from error
    if major < POSTGRES_FLOOR:
        reason = f"it is PostgreSQL {major} and {POSTGRES_FLOOR} is the oldest supported"
        raise ServerUnusable(variable="DATABASE_URL", reason=reason)


def check_broker(url: str) -> None:
    """Raise `ServerUnusable` unless `url` leads to a broker that lets us in."""
    options = {"socket_connect_timeout": _PATIENCE_S, "socket_timeout": _PATIENCE_S}
    try:
        with kombu.Connection(url, connect_timeout=_PATIENCE_S, transport_options=options) as connection:
            connection.ensure_connection(max_retries=1, timeout=_PATIENCE_S)
            # Only a channel makes the Redis transport speak to the server.
            _ = connection.default_channel
    except (OSError, KeyError, kombu.exceptions.KombuError) as error:
        reason = str(error).strip() or type(error).__name__
        raise ServerUnusable(variable="BROKER_URL", reason=reason) from error
