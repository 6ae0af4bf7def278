-- What was stored before carts had versions and captures had parts: every sale was captured whole, by one attempt.
UPDATE payments_attempt AS attempt
SET amount_minor = checkout.total_minor, currency = checkout.currency,
    state_since = COALESCE((
        SELECT max(at) FROM operations_statechange
        WHERE machine = 'attempt' AND subject_id = attempt.id), attempt.created_at)
FROM payments_checkout AS checkout WHERE checkout.id = attempt.checkout_id;
UPDATE payments_paymentorder AS po
SET state_since = COALESCE((
        SELECT max(at) FROM operations_statechange
        WHERE machine = 'payment_order' AND subject_id = po.id), checkout.created_at)
FROM payments_checkout AS checkout WHERE checkout.id = po.checkout_id;
UPDATE payments_paymentorder AS po
SET captured_minor = amount_minor, captured_commission_minor = commission_minor,
    captured_tax_minor = commission_tax_minor,
    paid_by_id = (
        SELECT id FROM payments_attempt AS attempt
        WHERE attempt.checkout_id = po.checkout_id AND attempt.state = 'succeeded' LIMIT 1)
WHERE state = 'SUCCESS';
-- The foreign key is checked now, so that the tables may be altered after this.
SET CONSTRAINTS ALL IMMEDIATE;
