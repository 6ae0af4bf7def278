"""A database that was in use before: its rows are carried through every migration, and mean the same at the end.

The rows are plain SQL of their time, because the models of today know nothing of it. The books begin at their second
migration, whose scripts a fresh database reads as they are now: they are the one writer, and there was none before.
"""

import pytest
from django.db import DatabaseError

from tests.migrations.conftest import Older

FIRST = [
    ("operations", "0001_initial"),
    ("ledger", "0002_guards"),
    ("payments", "0001_initial"),
    ("payouts", "0001_initial"),
    ("reconciliation", "0001_initial"),
]
# Ann sold for 100.00, of which 40.00 went back and 45.00 were paid out; and Bea has not paid the second cart yet.
SOLD = """
INSERT INTO operations_storefront (slug, name, return_origins, created_at)
VALUES ('acme', 'Acme', '["https://acme.example"]', '2026-01-01T00:00Z'), ('bolt', 'Bolt', '[]', '2026-01-02T00:00Z');

INSERT INTO payments_seller (id, storefront_id, seller_id, name, country, commission_bps, psp_account, payouts_enabled,
                             created_at)
VALUES ('sel_ann', 'acme', 'ann', 'Ann', 'DE', 1000, 'acct_ann', true, '2026-01-03T00:00Z');

INSERT INTO payments_checkout (id, storefront_id, checkout_id, buyer_info, currency, total_minor, return_url,
                               is_payment_done, expires_at, created_at)
VALUES ('chk_1', 'acme', 'cart-1', '{"buyer_id": "bea"}', 'EUR', 10000, '', true, '2026-02-02Z', '2026-02-01T10:00Z'),
       ('chk_2', 'acme', 'cart-2', '{"buyer_id": "bea"}', 'JPY', 500, '', false, '2026-02-03Z', '2026-02-02T10:00Z');

INSERT INTO payments_paymentorder (id, storefront_id, checkout_id, seller_id, payment_order_id, amount_minor,
                                   commission_minor, currency, refunded_minor, state, ledger_updated, wallet_updated,
                                   paid_at)
VALUES ('ord_1', 'acme', 'chk_1', 'sel_ann', 'cart-1.ann', 10000, 1000, 'EUR', 4000, 'SUCCESS', true, true,
        '2026-02-01T10:05Z'),
       ('ord_2', 'acme', 'chk_2', 'sel_ann', 'cart-2.ann', 500, 50, 'JPY', 0, 'EXECUTING', false, false, NULL);

-- The first try at the first cart was declined, the second was paid.
INSERT INTO payments_attempt (id, checkout_id, number, psp, psp_key, params, state, psp_ref, page_url, charge_ref,
                              payment_ref, fee_minor, last_error, created_at, sent_at)
VALUES ('att_0', 'chk_1', 1, 'stripe', 'attempt:att_0', '{}', 'declined', NULL, '', NULL, '', 0, 'card_declined',
        '2026-02-01T10:00Z', '2026-02-01T10:00Z'),
       ('att_1', 'chk_1', 2, 'stripe', 'attempt:att_1', '{}', 'succeeded', 'cs_1', '', 'ch_1', 'pi_1', 320, '',
        '2026-02-01T10:02Z', '2026-02-01T10:02Z'),
       ('att_2', 'chk_2', 1, 'stripe', 'attempt:att_2', '{}', 'pending', 'cs_2', 'https://pay', NULL, '', 0, '',
        '2026-02-02T10:00Z', '2026-02-02T10:00Z');

INSERT INTO operations_statechange (machine, subject_id, event, from_state, to_state, actor, reason, at)
VALUES ('payment_order', 'ord_1', 'execute', 'NOT_STARTED', 'EXECUTING', 'system', '', '2026-02-01T10:01Z'),
       ('payment_order', 'ord_1', 'succeed', 'EXECUTING', 'SUCCESS', 'psp:stripe', '', '2026-02-01T10:05Z'),
       ('attempt', 'att_1', 'succeed', 'pending', 'succeeded', 'psp:stripe', '', '2026-02-01T10:05Z');

INSERT INTO payments_refund (id, order_id, amount_minor, currency, reason, psp_key, params, state, psp_ref, last_error,
                             requested_by, created_at, sent_at)
VALUES ('rfd_1', 'ord_1', 4000, 'EUR', 'torn', 'refund:rfd_1', '{}', 'succeeded', 're_1', '', 'storefront:acme',
        '2026-02-03T10:00Z', '2026-02-03T10:00Z');

INSERT INTO payments_webhookevent (psp, event_id, type, object_id, account, payload, state, received_at, handled_at)
VALUES ('stripe', 'evt_1', 'checkout.session.completed', 'cs_1', '', '{}', 'handled', '2026-02-01T10:05Z',
        '2026-02-01T10:05Z'),
       ('stripe', 'evt_2', 'checkout.session.expired', 'cs_2', '', '{}', 'received', '2026-02-03T10:05Z', NULL);

INSERT INTO operations_job (kind, key, args, state, attempts, next_at, last_error, created_at)
VALUES ('payments.handle_event', 'stripe:evt_2', '{"webhook": 2, "type": "checkout.session.expired"}', 'todo', 0,
        '2026-02-03T10:05Z', '', '2026-02-03T10:05Z');

INSERT INTO payouts_delivery (order_id, seller_id, checkout_id, currency, delivered_at, release_at, reported_at,
                              released_at, released_minor)
VALUES ('ord_1', 'sel_ann', 'chk_1', 'EUR', '2026-02-02Z', '2026-02-09Z', '2026-02-02Z', '2026-02-09Z', 5400);
INSERT INTO payouts_batch (id, currency, total_minor, payouts_count, state, proposed_by, proposed_at, decided_by,
                           decided_at)
VALUES ('bat_1', 'EUR', 4500, 1, 'completed', 'user:oscar', '2026-02-10Z', 'user:anna', '2026-02-10T01:00Z');
INSERT INTO payouts_payout (id, batch_id, seller_id, seller_name, amount_minor, currency, destination, psp_key, params,
                            state, psp_ref, last_error, sent_at, paid_at)
VALUES ('pay_1', 'bat_1', 'sel_ann', 'Ann', 4500, 'EUR', 'acct_ann', 'payout:pay_1', '{}', 'paid', 'tr_1', '',
        '2026-02-10Z', '2026-02-10Z');

INSERT INTO reconciliation_statement (psp, format, sha256, interval_start, interval_end, state, line_count,
                                      control_totals, imported_by, imported_at)
VALUES ('stripe', 'stripe_activity', repeat('0', 64), '2026-02-01Z', '2026-02-02Z', 'matched', 1,
        '{"EUR": 9680}', 'system', '2026-02-02Z');
"""
# Posted by the one writer, as posting itself sends it.
BOOKED = """
INSERT INTO ledger_posting (recipe, reference, subject, description, actor, business_date, value_date, recorded_at,
                            digest, codes, currencies, types, positions, amounts, items)
VALUES ('payment_captured', 'ch_1', 'checkout:chk_1', 'a sale', 'psp:stripe', '2026-02-01', '2026-02-01',
        '2026-02-01T10:05Z', decode(repeat('ab', 32), 'hex'),
        ARRAY['psp:stripe:clearing', 'seller:sel_ann:pending', 'platform:commission'], ARRAY['EUR', 'EUR', 'EUR'],
        ARRAY['asset', 'liability', 'income'], ARRAY[0, 1, 2]::smallint[], ARRAY[10000, -9000, -1000],
        ARRAY['', 'ord_1', ''])
"""
# Later the shops had addresses to be told at: one was told twice and waits for a third, one had no address.
TOLD = """
UPDATE operations_storefront SET event_url = 'https://acme.example/hooks', event_secret = 'whsec_c2VjcmV0'
WHERE slug = 'acme';
INSERT INTO payments_storefrontevent (id, storefront_id, type, payload, created_at, delivered_at, last_answer)
VALUES ('evt_a', 'acme', 'payment.succeeded', '{"type": "payment.succeeded"}', '2026-02-01T10:05Z',
        '2026-02-01T10:06Z', '200: ok'),
       ('evt_b', 'acme', 'refund.succeeded', '{"type": "refund.succeeded"}', '2026-02-03T10:00Z', NULL, '503: busy'),
       ('evt_c', 'bolt', 'payment.succeeded', '{"type": "payment.succeeded"}', '2026-02-03T10:00Z', NULL, '');
INSERT INTO operations_job (kind, key, args, state, attempts, next_at, last_error, created_at)
VALUES ('payments.send_event', 'evt_a', '{"event": "evt_a"}', 'todo', 1, '2026-02-01Z', '', '2026-02-01Z'),
       ('payments.send_event', 'evt_b', '{"event": "evt_b"}', 'todo', 1, '2026-02-03Z', '', '2026-02-03Z');
UPDATE operations_job SET state = 'doing' WHERE key = 'evt_a';
UPDATE operations_job SET state = 'done', finished_at = '2026-02-01Z' WHERE key = 'evt_a';
"""
BEFORE_ENDPOINTS = [("operations", "0003_storefront_events"), ("payments", "0003_storefront_events")]


# One history for all: it takes seconds. The last test goes on with it.
pytestmark = pytest.mark.xdist_group("migrations")


@pytest.fixture(scope="module")
def today(older: Older) -> Older:
    """The old rows, after every migration there is."""
    older.migrate(*FIRST)
    older.run(SOLD)
    older.run(BOOKED)
    older.migrate(*BEFORE_ENDPOINTS)
    older.run(TOLD)
    older.migrate()
    return older


class TestRowsOfOldTimes:
    def test_mean_the_same_after_every_migration(self, today: Older) -> None:
        # What was paid was captured whole, by the attempt that succeeded; what was not, not at all.
        assert today.rows(
            "SELECT id, category, commission_tax_minor, tax, captured_minor, captured_commission_minor,"
            " captured_tax_minor, paid_by_id, cart, refunded_minor FROM payments_paymentorder ORDER BY id"
        ) == [
            ("ord_1", "", 0, "", 10_000, 1_000, 0, "att_1", 1, 4_000),
            ("ord_2", "", 0, "", 0, 0, 0, None, 1, 0),
        ]
        # An attempt is for what its cart was; its state is as old as the trail says, or else as the row.
        assert today.rows(
            "SELECT id, amount_minor, currency, cart, to_char(state_since AT TIME ZONE 'UTC', 'DD HH24:MI')"
            " FROM payments_attempt ORDER BY id"
        ) == [
            ("att_0", 10_000, "EUR", 1, "01 10:00"),
            ("att_1", 10_000, "EUR", 1, "01 10:05"),
            ("att_2", 500, "JPY", 1, "02 10:00"),
        ]
        assert today.rows(
            "SELECT id, to_char(state_since AT TIME ZONE 'UTC', 'DD HH24:MI') FROM payments_paymentorder ORDER BY id"
        ) == [("ord_1", "01 10:05"), ("ord_2", "02 10:00")]
        assert today.rows("SELECT id, cart, capture_method FROM payments_checkout ORDER BY id") == [
            ("chk_1", 1, "automatic"),
            ("chk_2", 1, "automatic"),
        ]
        assert today.rows("SELECT commission_bps, commission_tax, commission_tax_bps FROM payments_seller") == [
            (1_000, "", 0)
        ]
        assert today.rows("SELECT event_id, state, source FROM payments_webhookevent ORDER BY 1") == [
            ("evt_1", "handled", "webhook"),
            ("evt_2", "received", "webhook"),
        ]
        assert today.rows("SELECT needs_approval, approved_by FROM payments_refund") == [(False, None)]

        # Money out and statements are as they were.
        assert today.rows("SELECT state, amount_minor, psp_ref FROM payouts_payout") == [("paid", 4_500, "tr_1")]
        assert today.rows("SELECT released_minor FROM payouts_delivery") == [(5_400,)]
        assert today.rows("SELECT state, line_count FROM reconciliation_statement") == [("matched", 1)]
        assert today.rows(
            "SELECT a.code, l.amount_minor FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id"
            " ORDER BY l.id"
        ) == [("psp:stripe:clearing", 10_000), ("seller:sel_ann:pending", -9_000), ("platform:commission", -1_000)]

        # What an operator had set is the shop's first endpoint; what was on its way to it goes on.
        assert today.rows("SELECT storefront_id, url, enabled FROM payments_webhookendpoint") == [
            ("acme", "https://acme.example/hooks", True)
        ]
        assert today.rows("SELECT secret, expires_at FROM payments_endpointsecret") == [("whsec_c2VjcmV0", None)]
        assert today.rows("SELECT id, event_id, state, round FROM payments_eventdelivery ORDER BY id") == [
            ("dlv_a", "evt_a", "delivered", 1),
            ("dlv_b", "evt_b", "waiting", 1),
        ]
        assert today.rows("SELECT delivery_id, status FROM payments_deliverytry ORDER BY 1") == [
            ("dlv_a", 200),
            ("dlv_b", 503),
        ]
        assert today.rows("SELECT kind, key, args, state FROM operations_job ORDER BY kind, key") == [
            ("payments.deliver_event", "dlv_b:1", '{"delivery": "dlv_b"}', "todo"),
            ("payments.handle_event", "stripe:evt_2", '{"webhook": 2}', "todo"),
            ("payments.send_event", "evt_a", '{"event": "evt_a"}', "done"),
        ]

    @pytest.mark.parametrize(
        ("statement", "says"),
        [
            ("UPDATE payments_paymentorder SET amount_minor = 1 WHERE id = 'ord_1'", "the terms of payment order"),
            ("UPDATE payments_paymentorder SET state = 'EXECUTING' WHERE id = 'ord_1'", "SUCCESS"),
            ("UPDATE payments_attempt SET state = 'created' WHERE id = 'att_2'", "pending"),
            ("UPDATE payments_refund SET state = 'sending'", "succeeded"),
            ("UPDATE ledger_journalline SET amount_minor = 1", "is refused: what is written there stays"),
            ("DELETE FROM operations_statechange", "is refused: what is written there stays"),
            ("DELETE FROM payments_storefrontevent", "is refused: what is written there stays"),
            ("UPDATE payouts_payout SET amount_minor = 1", "pay_1"),
        ],
    )
    def test_are_guarded_as_new_ones_are(self, today: Older, statement: str, says: str) -> None:
        with pytest.raises(DatabaseError, match=says):
            today.run(statement)

    def test_go_on_from_where_they_were(self, today: Older) -> None:
        today.run("UPDATE payments_attempt SET state = 'succeeded' WHERE id = 'att_2'")
        today.run(
            "UPDATE payments_paymentorder SET state = 'SUCCESS', paid_by_id = 'att_2', ledger_updated = true,"
            " wallet_updated = true, captured_minor = 500, captured_commission_minor = 50, paid_at = now()"
            " WHERE id = 'ord_2'"
        )

        assert today.rows("SELECT state FROM payments_paymentorder ORDER BY id") == [("SUCCESS",), ("SUCCESS",)]
