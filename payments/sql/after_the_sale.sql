-- A refund's request is frozen, with who made it and whether it needs a second person; and only who really granted it
-- stands as that person.
CREATE OR REPLACE FUNCTION guard_refund_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.order_id, NEW.amount_minor, NEW.currency, NEW.psp_key, NEW.params, NEW.requested_by, NEW.needs_approval)
       IS DISTINCT FROM
       (OLD.order_id, OLD.amount_minor, OLD.currency, OLD.psp_key, OLD.params, OLD.requested_by, OLD.needs_approval)
       OR (OLD.psp_ref IS NOT NULL AND NEW.psp_ref IS DISTINCT FROM OLD.psp_ref)
       OR (OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by) THEN
        RAISE EXCEPTION 'the request of refund % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.approved_by IS DISTINCT FROM OLD.approved_by AND NOT EXISTS (
        SELECT 1 FROM operations_approval
        WHERE kind = 'payments.refund' AND subject = 'refund:' || NEW.id AND state = 'granted'
          AND maker = NEW.requested_by AND checker = NEW.approved_by) THEN
        RAISE EXCEPTION 'refund % was not granted by %', OLD.id, NEW.approved_by USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Refunds that are under way or done: together never more than their order has reserved for them, which is never more
-- than was paid. Both sides of the promise take the order's row first, so that two refunds at once wait for each other.
CREATE FUNCTION living_refunds(of_order text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT COALESCE(sum(amount_minor), 0)::bigint FROM payments_refund
    WHERE order_id = of_order AND state NOT IN ('failed', 'canceled')
$$;
CREATE FUNCTION guard_refund_cap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sale payments_paymentorder%ROWTYPE;
BEGIN
    SELECT * INTO sale FROM payments_paymentorder WHERE id = NEW.order_id FOR UPDATE;
    IF sale.state <> 'SUCCESS' OR sale.currency <> NEW.currency THEN
        RAISE EXCEPTION 'refund % is not of what was paid, in the currency that was charged', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF living_refunds(NEW.order_id) > sale.refunded_minor THEN
        RAISE EXCEPTION 'refunds of % exceed the % that is reserved for them', NEW.order_id, sale.refunded_minor
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_refund_cap AFTER INSERT ON payments_refund
    FOR EACH ROW EXECUTE FUNCTION guard_refund_cap();
CREATE FUNCTION guard_order_reservation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.refunded_minor < living_refunds(NEW.id) THEN
        RAISE EXCEPTION 'refunds of % exceed the % that would be reserved for them', NEW.id, NEW.refunded_minor
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_order_reservation AFTER UPDATE OF refunded_minor ON payments_paymentorder
    FOR EACH ROW WHEN (NEW.refunded_minor < OLD.refunded_minor) EXECUTE FUNCTION guard_order_reservation();

-- What a dispute is about never changes, and the provider's movements only become more.
CREATE FUNCTION guard_dispute_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.checkout_id, NEW.psp, NEW.psp_ref, NEW.charge_ref, NEW.amount_minor, NEW.currency, NEW.fee_borne_by,
        NEW.opened_at)
       IS DISTINCT FROM
       (OLD.checkout_id, OLD.psp, OLD.psp_ref, OLD.charge_ref, OLD.amount_minor, OLD.currency, OLD.fee_borne_by,
        OLD.opened_at)
       OR NEW.withdrawals < OLD.withdrawals OR NEW.reinstatements < OLD.reinstatements THEN
        RAISE EXCEPTION 'what dispute % is about is fixed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'won' AND NEW.state NOT IN ('won', 'lost') AND NEW.withdrawn_minor = 0 THEN
        RAISE EXCEPTION 'dispute % cannot be open again: nothing was withdrawn again', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_dispute_facts BEFORE UPDATE ON payments_dispute
    FOR EACH ROW EXECUTE FUNCTION guard_dispute_facts();
CREATE TRIGGER guard_dispute_stays BEFORE DELETE ON payments_dispute
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Evidence is frozen before it is sent.
CREATE FUNCTION guard_evidence_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.dispute_id, NEW.psp_key, NEW.params, NEW.final, NEW.submitted_by, NEW.created_at)
       IS DISTINCT FROM (OLD.dispute_id, OLD.psp_key, OLD.params, OLD.final, OLD.submitted_by, OLD.created_at) THEN
        RAISE EXCEPTION 'the evidence % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_evidence_request BEFORE UPDATE ON payments_disputeevidence
    FOR EACH ROW EXECUTE FUNCTION guard_evidence_request();
CREATE TRIGGER guard_evidence_stays BEFORE DELETE ON payments_disputeevidence
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
