-- A payout is sent only out of a batch that a second person approved, and to where it was approved for.
CREATE FUNCTION guard_payout_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.batch_id, NEW.seller_id, NEW.amount_minor, NEW.currency, NEW.destination, NEW.psp_key, NEW.params)
       IS DISTINCT FROM
       (OLD.batch_id, OLD.seller_id, OLD.amount_minor, OLD.currency, OLD.destination, OLD.psp_key, OLD.params)
       OR (OLD.psp_ref IS NOT NULL AND NEW.psp_ref IS DISTINCT FROM OLD.psp_ref) THEN
        RAISE EXCEPTION 'payout % is fixed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state NOT IN ('draft', 'canceled') AND NOT EXISTS (
        SELECT 1 FROM payouts_batch
        WHERE id = NEW.batch_id AND state IN ('approved', 'completed')
          AND decided_by IS NOT NULL AND decided_by <> proposed_by) THEN
        RAISE EXCEPTION 'payout % is not approved by a second person', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_payout_approved BEFORE UPDATE ON payouts_payout
    FOR EACH ROW EXECUTE FUNCTION guard_payout_approved();

-- Who proposed and who decided a batch stays on record.
CREATE FUNCTION guard_batch_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.proposed_by, NEW.proposed_at, NEW.currency) IS DISTINCT FROM (OLD.proposed_by, OLD.proposed_at, OLD.currency)
       OR (OLD.decided_by IS NOT NULL AND NEW.decided_by IS DISTINCT FROM OLD.decided_by)
       OR (OLD.decided_by IS NOT NULL AND NEW.total_minor IS DISTINCT FROM OLD.total_minor) THEN
        RAISE EXCEPTION 'who decided on batch % is fixed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_batch_people BEFORE UPDATE ON payouts_batch
    FOR EACH ROW EXECUTE FUNCTION guard_batch_people();
