-- What was sold is fixed when it is stored: amounts, commission, currency and parties never change afterwards.
-- The columns that came later are in order_terms.sql, which replaces this function.
CREATE FUNCTION guard_order_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.checkout_id, NEW.payment_order_id, NEW.seller_id, NEW.amount_minor, NEW.commission_minor, NEW.currency)
       IS DISTINCT FROM
       (OLD.checkout_id, OLD.payment_order_id, OLD.seller_id, OLD.amount_minor, OLD.commission_minor, OLD.currency) THEN
        RAISE EXCEPTION 'the terms of payment order % are fixed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_order_terms BEFORE UPDATE ON payments_paymentorder
    FOR EACH ROW EXECUTE FUNCTION guard_order_terms();

-- A request to the provider is frozen before it is sent, and so is what the provider first answered.
CREATE FUNCTION guard_attempt_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.checkout_id, NEW.number, NEW.psp, NEW.psp_key, NEW.params)
       IS DISTINCT FROM (OLD.checkout_id, OLD.number, OLD.psp, OLD.psp_key, OLD.params)
       OR (OLD.psp_ref IS NOT NULL AND NEW.psp_ref IS DISTINCT FROM OLD.psp_ref)
       OR (OLD.charge_ref IS NOT NULL AND NEW.charge_ref IS DISTINCT FROM OLD.charge_ref) THEN
        RAISE EXCEPTION 'the request of attempt % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_attempt_request BEFORE UPDATE ON payments_attempt
    FOR EACH ROW EXECUTE FUNCTION guard_attempt_request();

CREATE FUNCTION guard_refund_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.order_id, NEW.amount_minor, NEW.currency, NEW.psp_key, NEW.params)
       IS DISTINCT FROM (OLD.order_id, OLD.amount_minor, OLD.currency, OLD.psp_key, OLD.params)
       OR (OLD.psp_ref IS NOT NULL AND NEW.psp_ref IS DISTINCT FROM OLD.psp_ref) THEN
        RAISE EXCEPTION 'the request of refund % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_refund_request BEFORE UPDATE ON payments_refund
    FOR EACH ROW EXECUTE FUNCTION guard_refund_request();

-- The inbox keeps what the provider sent.
CREATE FUNCTION guard_webhook_payload() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.psp, NEW.event_id, NEW.type, NEW.payload, NEW.received_at)
       IS DISTINCT FROM (OLD.psp, OLD.event_id, OLD.type, OLD.payload, OLD.received_at) THEN
        RAISE EXCEPTION 'webhook % stays as it came', OLD.event_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_webhook_payload BEFORE UPDATE ON payments_webhookevent
    FOR EACH ROW EXECUTE FUNCTION guard_webhook_payload();
