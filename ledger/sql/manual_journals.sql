-- What PostgreSQL itself refuses about journals that people write. Each guard has its own attack in tests/database/.

-- What a journal says is fixed once it is no draft any more; who wrote it, when, and what it reverses always is.
-- It leaves its draft only whole and balanced. What it is booked as has its name and, line for line, its content;
-- and a journal that waited for a second person is booked only when another person than its maker granted it.
CREATE FUNCTION guard_manual_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_recipe text := CASE NEW.kind WHEN 'reversal' THEN 'entry_reversed' ELSE 'manual_journal' END;
    v_reference text := CASE NEW.kind WHEN 'reversal' THEN 'entry:' || NEW.reverses_id ELSE NEW.id END;
BEGIN
    IF (NEW.id, NEW.kind, NEW.reverses_id, NEW.maker, NEW.created_at, NEW.key)
       IS DISTINCT FROM (OLD.id, OLD.kind, OLD.reverses_id, OLD.maker, OLD.created_at, OLD.key)
       OR (OLD.state <> 'drafted'
           AND (NEW.description, NEW.value_date) IS DISTINCT FROM (OLD.description, OLD.value_date))
       OR (OLD.entry_id IS NOT NULL AND NEW.entry_id IS DISTINCT FROM OLD.entry_id) THEN
        RAISE EXCEPTION 'manual journal % is fixed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'drafted' AND NEW.state IN ('requested', 'posted')
       AND ((SELECT count(*) FROM ledger_manualjournalline WHERE journal_id = NEW.id) < 2
            OR EXISTS (SELECT FROM ledger_manualjournalline WHERE journal_id = NEW.id
                       GROUP BY currency HAVING sum(amount_minor) <> 0)) THEN
        RAISE EXCEPTION 'manual journal % does not balance', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'posted' AND OLD.state <> 'posted' AND NOT EXISTS (
        SELECT FROM ledger_journalentry AS entry
        WHERE entry.id = NEW.entry_id AND (entry.recipe, entry.reference) = (v_recipe, v_reference)
          AND entry.line_count = (SELECT count(*) FROM ledger_manualjournalline WHERE journal_id = NEW.id)
          AND NOT EXISTS (
              SELECT position, account, currency, amount_minor, item
              FROM ledger_manualjournalline WHERE journal_id = NEW.id
              EXCEPT
              SELECT line.position, account.code, line.currency, line.amount_minor, line.item
              FROM ledger_journalline AS line JOIN ledger_account AS account ON account.id = line.account_id
              WHERE line.entry_id = entry.id AND line.business_date = entry.business_date)) THEN
        RAISE EXCEPTION 'the books do not say what manual journal % says', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state = 'requested' AND NEW.state = 'posted' AND NOT EXISTS (
        SELECT FROM operations_approval
        WHERE kind = 'ledger.manual_journal' AND subject = 'manual_journal:' || NEW.id
          AND state = 'granted' AND maker = NEW.maker AND checker <> NEW.maker) THEN
        RAISE EXCEPTION 'manual journal % is not approved by a second person', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_manual_journal BEFORE UPDATE ON ledger_manualjournal
    FOR EACH ROW EXECUTE FUNCTION guard_manual_journal();
CREATE TRIGGER guard_manual_journal_stays BEFORE DELETE ON ledger_manualjournal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_manual_journal_table BEFORE TRUNCATE ON ledger_manualjournal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Lines, and the files that show why, are added to drafts only; lines are also changed and removed there. The draft
-- is locked meanwhile, so that nothing slips in beside its submission.
CREATE FUNCTION guard_manual_journal_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_journal text;
    v_state text;
BEGIN
    FOREACH v_journal IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.journal_id]
        WHEN 'DELETE' THEN ARRAY[OLD.journal_id]
        ELSE ARRAY[OLD.journal_id, NEW.journal_id] END
    LOOP
        SELECT state INTO v_state FROM ledger_manualjournal WHERE id = v_journal FOR SHARE;
        IF v_state <> 'drafted' THEN
            RAISE EXCEPTION 'manual journal % is %: % on % is refused', v_journal, v_state, TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER guard_manual_journal_lines BEFORE INSERT OR UPDATE OR DELETE ON ledger_manualjournalline
    FOR EACH ROW EXECUTE FUNCTION guard_manual_journal_part();
CREATE TRIGGER guard_manual_journal_lines_table BEFORE TRUNCATE ON ledger_manualjournalline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_manual_journal_attachments BEFORE INSERT ON ledger_manualjournalattachment
    FOR EACH ROW EXECUTE FUNCTION guard_manual_journal_part();

-- An attachment is what its row says: its size, its digest, and one of the types that people may add.
ALTER TABLE ledger_manualjournalattachment
    ADD CONSTRAINT attachment_is_whole CHECK (
        size = octet_length(content) AND size BETWEEN 1 AND 5242880 AND sha256 = encode(sha256(content), 'hex')),
    ADD CONSTRAINT attachment_type_is_allowed CHECK (content_type IN (
        'application/pdf', 'image/png', 'image/jpeg', 'text/csv', 'text/plain', 'message/rfc822',
        'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'));
