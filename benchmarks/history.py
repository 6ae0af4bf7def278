"""A long history of the books: bulk-loaded by the owner with the guards off, sealed and closed as if it had been lived.

Half of all lines lie on one hot account, the provider's clearing account; the others on 10,000 sellers.
"""

from benchmarks.server import Server

SELLERS = 10_000
ENTRIES_A_DAY = 5_000

_TABLES = ("ledger_account", "ledger_balance", "ledger_journalentry", "ledger_journalline")
_ACCOUNTS = f"""
INSERT INTO ledger_account (code, currency, type, guarded, held, opened_at)
SELECT 'psp:bench:clearing', 'EUR', 'asset', false, false, now()
UNION ALL
SELECT 'seller:h' || n || ':pending', 'EUR', 'liability', true, false, now() FROM generate_series(1, {SELLERS}) AS n
"""
_ENTRIES = """
INSERT INTO ledger_journalentry (recipe, reference, subject, description, actor, business_date, value_date,
                                 line_count, digest, recorded_at, txid)
SELECT 'payment_captured', 'ch_' || n, '', '', 'system:bench', day.of, day.of, 2,
       sha256(convert_to('0|psp:bench:clearing|EUR|' || 100 + n % 900 || '|' || length('ch_' || n) || '|ch_' || n
              || E'\\n1|seller:h' || seller.of || ':pending|EUR|' || -(100 + n % 900) || '|' || length('ord_' || n)
              || '|ord_' || n, 'UTF8')),
       day.of + interval '12 hours', 3
FROM generate_series({first}, {last}) AS n,
     LATERAL (SELECT date '2020-01-01' + (n / {a_day})::int AS of) AS day,
     LATERAL (SELECT 1 + n::bigint * 7919 % {sellers} AS of) AS seller
"""
_LINES = """
INSERT INTO ledger_journalline (entry_id, position, account_id, currency, amount_minor, item, balance_after_minor,
                                business_date, value_date, recorded_at, txid)
SELECT e.id, leg.position, CASE leg.position WHEN 0 THEN hot.id ELSE seller.id END, 'EUR',
       (1 - 2 * leg.position) * (100 + n.of % 900),
       CASE leg.position WHEN 0 THEN 'ch_' ELSE 'ord_' END || n.of,
       CASE leg.position WHEN 1 THEN
           sum(100 + n.of % 900) OVER (PARTITION BY leg.position, seller.id ORDER BY e.id) END,
       e.business_date, e.value_date, e.recorded_at, 3
FROM ledger_journalentry AS e,
     LATERAL (SELECT substr(e.reference, 4)::bigint AS of) AS n,
     (VALUES (0), (1)) AS leg(position),
     ledger_account AS seller, ledger_account AS hot
WHERE hot.code = 'psp:bench:clearing' AND seller.code = 'seller:h' || 1 + n.of * 7919 % {sellers} || ':pending'
ORDER BY e.id, leg.position
"""
_BALANCES = """
UPDATE ledger_balance AS b SET balance_minor = s.minor
FROM (SELECT account_id, -sum(amount_minor) AS minor FROM ledger_journalline GROUP BY account_id) AS s
WHERE b.account_id = s.account_id
"""


def load(server: Server, *, lines: int) -> None:
    """Fill empty books with so many lines, 10,000 a day from 2020 on, all days closed but the last."""
    entries = lines // 2
    days = entries // ENTRIES_A_DAY
    facts = {"first": 0, "last": entries - 1, "a_day": ENTRIES_A_DAY, "sellers": SELLERS}
    server.execute(
        f"SELECT ledger_make_partitions('2020-01-01', (date '2020-01-01' + {days}))",
        *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in _TABLES[1:]),
        _ACCOUNTS,
        _ENTRIES.format(**facts),
        "ANALYZE ledger_account, ledger_journalentry",
        _LINES.format(**facts),
        _BALANCES,
        *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in _TABLES[1:]),
        f"SELECT ledger_close_day(date '2020-01-01' + {days - 2}, 'system:bench', now())",
        "SELECT ledger_put_barrier()",
        "SELECT ledger_seal(now(), interval '1 minute')",
        "VACUUM ANALYZE",
    )
