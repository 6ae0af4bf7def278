-- A request to the provider is frozen before it is sent, and so is what the provider first answered.
CREATE OR REPLACE FUNCTION guard_attempt_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.checkout_id, NEW.number, NEW.cart, NEW.amount_minor, NEW.currency, NEW.psp, NEW.psp_key, NEW.params)
       IS DISTINCT FROM
       (OLD.checkout_id, OLD.number, OLD.cart, OLD.amount_minor, OLD.currency, OLD.psp, OLD.psp_key, OLD.params)
       OR (OLD.psp_ref IS NOT NULL AND NEW.psp_ref IS DISTINCT FROM OLD.psp_ref)
       OR (OLD.charge_ref IS NOT NULL AND NEW.charge_ref IS DISTINCT FROM OLD.charge_ref) THEN
        RAISE EXCEPTION 'the request of attempt % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION guard_instruction_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.attempt_id, NEW.kind, NEW.purpose, NEW.amount_minor, NEW.currency, NEW.final, NEW.parts, NEW.psp_key,
        NEW.params)
       IS DISTINCT FROM
       (OLD.attempt_id, OLD.kind, OLD.purpose, OLD.amount_minor, OLD.currency, OLD.final, OLD.parts, OLD.psp_key,
        OLD.params) THEN
        RAISE EXCEPTION 'the request of instruction % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_instruction_request BEFORE UPDATE ON payments_instruction
    FOR EACH ROW EXECUTE FUNCTION guard_instruction_request();

CREATE FUNCTION guard_surplus_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.attempt_id, NEW.charge_ref, NEW.amount_minor, NEW.currency, NEW.params)
       IS DISTINCT FROM (OLD.attempt_id, OLD.charge_ref, OLD.amount_minor, OLD.currency, OLD.params)
       -- A return that failed may be followed by another.
       OR (OLD.psp_ref IS NOT NULL AND NEW.psp_ref IS DISTINCT FROM OLD.psp_ref AND OLD.state <> 'failed') THEN
        RAISE EXCEPTION 'the request of surplus % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_surplus_request BEFORE UPDATE ON payments_surplus
    FOR EACH ROW EXECUTE FUNCTION guard_surplus_request();

-- What was captured is never taken back from an order: money goes back by refunds.
CREATE FUNCTION guard_order_captured() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.captured_minor < OLD.captured_minor
       OR (OLD.captured_minor > 0 AND NEW.paid_by_id IS DISTINCT FROM OLD.paid_by_id) THEN
        RAISE EXCEPTION 'what was captured of payment order % stays captured', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_order_captured BEFORE UPDATE ON payments_paymentorder
    FOR EACH ROW EXECUTE FUNCTION guard_order_captured();
