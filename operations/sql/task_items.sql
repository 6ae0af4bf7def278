-- A question stays as it was asked, and closed once it is closed.
CREATE OR REPLACE FUNCTION guard_task_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' OR (NEW.kind, NEW.subject, NEW.item, NEW.waits_for, NEW.reason, NEW.since)
       IS DISTINCT FROM (OLD.kind, OLD.subject, OLD.item, OLD.waits_for, OLD.reason, OLD.since) THEN
        RAISE EXCEPTION 'task % stays as it was asked and answered', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
