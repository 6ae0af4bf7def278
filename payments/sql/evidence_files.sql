-- A file that shall be evidence stays what it was, and where the provider has it; only its own size and digest fit it.
CREATE FUNCTION guard_evidence_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.size <> octet_length(NEW.content) OR NEW.sha256 <> encode(sha256(NEW.content), 'hex') THEN
            RAISE EXCEPTION 'the file % is not what it says it is', NEW.id USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.dispute_id, NEW.kind, NEW.name, NEW.media_type, NEW.size, NEW.sha256, NEW.content, NEW.psp_key,
        NEW.submitted_by, NEW.created_at)
       IS DISTINCT FROM (OLD.dispute_id, OLD.kind, OLD.name, OLD.media_type, OLD.size, OLD.sha256, OLD.content,
        OLD.psp_key, OLD.submitted_by, OLD.created_at)
       OR (OLD.psp_ref IS NOT NULL AND NEW.psp_ref IS DISTINCT FROM OLD.psp_ref) THEN
        RAISE EXCEPTION 'the file % is frozen', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_evidence_file BEFORE INSERT OR UPDATE ON payments_evidencefile
    FOR EACH ROW EXECUTE FUNCTION guard_evidence_file();
CREATE TRIGGER guard_evidence_file_stays BEFORE DELETE ON payments_evidencefile
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_evidence_files_stay BEFORE TRUNCATE ON payments_evidencefile
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
