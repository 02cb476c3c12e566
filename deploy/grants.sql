-- What the site's and the worker's role may do; run by the owner of the tables after each db upgrade and restore.
-- Rows that are final cannot be changed or deleted by it, beside the triggers that refuse it to everybody.
GRANT USAGE ON SCHEMA public TO ganchengji;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ganchengji;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM ganchengji;
REVOKE UPDATE, DELETE ON postings, revenue_entries, stock_movements, frozen_assessments FROM ganchengji;
-- Sealed later, once: number and digest alone are written by the seal job.
REVOKE UPDATE, DELETE ON audit_entries FROM ganchengji;
GRANT UPDATE (day, number, digest) ON audit_entries TO ganchengji;
REVOKE UPDATE, DELETE ON journal_entries FROM ganchengji;
GRANT UPDATE (day, number, digest) ON journal_entries TO ganchengji;
