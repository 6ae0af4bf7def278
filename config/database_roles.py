"""Two roles at the database: the owner, who migrates, and the application, which cannot touch the books' tables."""

from psycopg import sql

from operations import database

# The application posts through these views; everything else of the books it may only read.
DOORS = ("ledger_posting", "ledger_posting_batch")
# Tables of the books that the database itself keeps, besides those with a single writer.
PRIVATE = (
    "ledger_account",
    "ledger_closedday",
    "ledger_seal",
    "ledger_checkpoint",
    "ledger_barrier",
    "django_migrations",
)


def grant(*, role: str) -> None:
    """Give a role the rights of the application, and take every other one from it. Run as the owner."""
    statement = sql.SQL(database.script("operations", "roles.sql")).format(
        role=sql.Literal(role),
        doors=sql.SQL(", ").join(map(sql.Literal, DOORS)),
        private=sql.SQL(", ").join(map(sql.Literal, PRIVATE)),
    )
    database.execute(statement.as_string(None))
