-- A question stays as it was asked, and closed once it is closed.
CREATE FUNCTION guard_task_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' OR (NEW.kind, NEW.subject, NEW.waits_for, NEW.reason, NEW.since)
       IS DISTINCT FROM (OLD.kind, OLD.subject, OLD.waits_for, OLD.reason, OLD.since) THEN
        RAISE EXCEPTION 'task % stays as it was asked and answered', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_task_content BEFORE UPDATE ON operations_humantask
    FOR EACH ROW EXECUTE FUNCTION guard_task_content();
CREATE TRIGGER guard_task_stays BEFORE DELETE ON operations_humantask
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
