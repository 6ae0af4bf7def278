-- Refuses to change or remove rows, whoever asks. Attached by operations.database.append_only().
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: what is written there stays', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- An approval's question is frozen when it is asked, and its answer when it is given.
CREATE FUNCTION guard_approval_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'requested' THEN
        RAISE EXCEPTION 'approval % was already %', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.kind, NEW.subject, NEW.payload, NEW.reason, NEW.maker, NEW.requested_at)
       IS DISTINCT FROM (OLD.kind, OLD.subject, OLD.payload, OLD.reason, OLD.maker, OLD.requested_at) THEN
        RAISE EXCEPTION 'approval % cannot be changed while it waits', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_approval_content BEFORE UPDATE ON operations_approval
    FOR EACH ROW EXECUTE FUNCTION guard_approval_content();
CREATE TRIGGER guard_approval_stays BEFORE DELETE ON operations_approval
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
