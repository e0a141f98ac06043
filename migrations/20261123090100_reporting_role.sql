-- The role that may read the views of the schema reporting, and nothing else. It cannot log in: logins are made its members.
--
-- Roles belong to the cluster, not to the database: another database may have made it already, and a managed Postgres may
-- not let this one. Then the server works all the same, and an administrator runs what the notice says.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stopcode_reporting') THEN
        CREATE ROLE stopcode_reporting NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'the role stopcode_reporting is not there and may not be made by %', current_user
            USING HINT = 'To connect dashboards, have an administrator run what docs/dashboards.md says under "The role by hand".';
    -- Another database of the cluster is being migrated at the same time.
    WHEN duplicate_object OR unique_violation THEN
        NULL;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stopcode_reporting') THEN
        GRANT USAGE ON SCHEMA reporting TO stopcode_reporting;
        GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO stopcode_reporting;
        -- Views that later versions add.
        ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO stopcode_reporting;
    END IF;
END
$$;
