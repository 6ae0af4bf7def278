-- The facts of currency exchanges: what PostgreSQL itself refuses. Each guard has its own attack in tests/database/.

-- Tell whether an amount at a rate is another amount, half a minor unit rounded up. Everything stays an integer:
-- amount × digits × 10^power, or amount × 10^power / digits, is compared crosswise and never divided.
CREATE FUNCTION ledger_converts(p_amount bigint, p_into bigint, p_digits bigint, p_power integer, p_divides boolean)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (2 * p_into::numeric - 1) * f.divisor <= 2 * f.number AND 2 * f.number < (2 * p_into::numeric + 1) * f.divisor
    FROM (SELECT p_amount::numeric * CASE WHEN p_divides THEN 1 ELSE p_digits END
                     * power(10::numeric, GREATEST(p_power, 0)) AS number,
                 power(10::numeric, GREATEST(-p_power, 0)) * CASE WHEN p_divides THEN p_digits ELSE 1 END AS divisor) AS f
$$;

ALTER TABLE ledger_exchange
    ADD CONSTRAINT exchange_currencies CHECK (
        presentment_currency <> settlement_currency AND fee_currency IN (presentment_currency, settlement_currency)
        AND (base, quote) IN ((presentment_currency, settlement_currency), (settlement_currency, presentment_currency))),
    ADD CONSTRAINT exchange_amounts CHECK (
        presentment_minor > 0 AND settlement_minor > 0 AND ledger_minor >= 0 AND fee_minor >= 0),
    ADD CONSTRAINT exchange_rate_said CHECK (
        rate_digits BETWEEN 1 AND 999999999999999999 AND rate_scale BETWEEN 0 AND 18 AND source <> ''),
    ADD CONSTRAINT exchange_works_out CHECK (ledger_converts(
        presentment_minor - CASE fee_currency WHEN presentment_currency THEN fee_minor ELSE 0 END, ledger_minor,
        rate_digits, exponent_shift + CASE base WHEN presentment_currency THEN -rate_scale ELSE rate_scale END,
        base <> presentment_currency)),
    ADD CONSTRAINT exchange_rounding CHECK (
        abs(ledger_minor - settlement_minor - CASE fee_currency WHEN settlement_currency THEN fee_minor ELSE 0 END) <= 1);

-- What an entry's digest says of an exchange, as ledger/exchanges.py writes it.
CREATE FUNCTION ledger_exchange_text(x ledger_exchange) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws('|', 'exchange', x.presentment_minor, x.presentment_currency, x.settlement_minor,
                     x.settlement_currency, x.ledger_minor, x.fee_minor, x.fee_currency, x.exponent_shift, x.base, x.quote,
                     x.rate_digits, x.rate_scale, (extract(epoch FROM x.said_at) * 1000000)::bigint, length(x.source),
                     x.source)
$$;

-- Facts are of an exchange, and come with it: before its lines, which are compared with them (guard_lines).
CREATE FUNCTION guard_exchange() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM ledger_journalentry AS e
                   WHERE e.id = NEW.entry_id AND e.recipe IN ('currency_exchanged', 'currency_exchanged_back'))
       OR EXISTS (SELECT 1 FROM ledger_journalline AS l WHERE l.entry_id = NEW.entry_id) THEN
        RAISE EXCEPTION 'journal entry % takes no facts of an exchange', NEW.entry_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_exchange BEFORE INSERT ON ledger_exchange FOR EACH ROW EXECUTE FUNCTION guard_exchange();
CREATE TRIGGER guard_one_writer BEFORE INSERT ON ledger_exchange
    FOR EACH STATEMENT WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION refuse_other_writers();
