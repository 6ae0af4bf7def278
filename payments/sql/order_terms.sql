-- What was sold is fixed when it is stored: amounts, category, commission, its tax, currency and parties never change
-- afterwards.
CREATE OR REPLACE FUNCTION guard_order_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.checkout_id, NEW.payment_order_id, NEW.seller_id, NEW.amount_minor, NEW.category,
        NEW.commission_minor, NEW.commission_tax_minor, NEW.tax, NEW.currency)
       IS DISTINCT FROM
       (OLD.checkout_id, OLD.payment_order_id, OLD.seller_id, OLD.amount_minor, OLD.category,
        OLD.commission_minor, OLD.commission_tax_minor, OLD.tax, OLD.currency) THEN
        RAISE EXCEPTION 'the terms of payment order % are fixed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
