-- Dumps, the job queue, crashes, access.
--
-- `dump` and `job` are small, busy and local to one server. `crash` and `crash_evidence` grow for ever, start their
-- primary key with the machine, and refer to nothing by a foreign key, so that they can be distributed later.

CREATE TABLE dump (
    id uuid PRIMARY KEY,
    sha256 bytea NOT NULL CONSTRAINT dump_sha256_key UNIQUE CHECK (octet_length(sha256) = 32),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    format text NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    error text,
    machine_id uuid,
    crash_id uuid,
    file_name text,
    annotations jsonb,
    received_at timestamptz NOT NULL
);

COMMENT ON TABLE dump IS 'An uploaded dump. Its bytes lie in the blob store under its SHA-256; there is never a row without them.';
COMMENT ON COLUMN dump.id IS 'UUID version 7, made when the upload was taken.';
COMMENT ON COLUMN dump.sha256 IS 'Hash of the inflated bytes: the same bytes are the same dump.';
COMMENT ON COLUMN dump.size_bytes IS 'Inflated size.';
COMMENT ON COLUMN dump.format IS 'What the magic bytes say, e.g. kernel-triage.';
COMMENT ON COLUMN dump.state IS 'queued, done or failed. That a worker has it right now is told by its job.';
COMMENT ON COLUMN dump.attempts IS 'How often analysis was tried and settled; a try that is under way is counted in its job.';
COMMENT ON COLUMN dump.error IS 'Why it failed, in a sentence.';
COMMENT ON COLUMN dump.machine_id IS 'The machine it was uploaded for, if the upload named one.';
COMMENT ON COLUMN dump.crash_id IS 'The crash it became.';
COMMENT ON COLUMN dump.file_name IS 'The name it was sent under. Text of a stranger: never a path.';
COMMENT ON COLUMN dump.annotations IS 'The other parts of a multipart upload, by name.';
COMMENT ON COLUMN dump.received_at IS 'When the upload was taken.';

CREATE INDEX dump_machine ON dump (machine_id, received_at) WHERE machine_id IS NOT NULL;

CREATE TABLE job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bucket smallint NOT NULL GENERATED ALWAYS AS ((hashtext(key) & 63)::smallint) STORED,
    kind text NOT NULL,
    key text NOT NULL,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
    attempts integer NOT NULL DEFAULT 0,
    run_after timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    worker text,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE job IS 'Work to be done at least once. Finished jobs are deleted.';
COMMENT ON COLUMN job.id IS 'Order of arrival.';
COMMENT ON COLUMN job.bucket IS 'Hash of the key, 0 to 63, for the day when claims must name a shard. Claims ignore it until then.';
COMMENT ON COLUMN job.kind IS 'Which code runs it: analyze, verdict.';
COMMENT ON COLUMN job.key IS 'What it is about: a dump id, or stop code and window as in 118:91.';
COMMENT ON COLUMN job.state IS '0 queued, 1 running, 2 failed for good (the dead letters).';
COMMENT ON COLUMN job.attempts IS 'Claims so far, but for those that a stopping worker gave back.';
COMMENT ON COLUMN job.run_after IS 'Not before this time.';
COMMENT ON COLUMN job.lease_until IS 'When a running job is taken from its worker, unless the worker renews the lease.';
COMMENT ON COLUMN job.worker IS 'Who claimed it last. With attempts it is the fence: whoever lost the lease writes nothing.';
COMMENT ON COLUMN job.last_error IS 'Why the last attempt failed.';
COMMENT ON COLUMN job.created_at IS 'When it was enqueued.';

CREATE INDEX job_queued ON job (kind, run_after, id) WHERE state = 0;
CREATE INDEX job_running ON job (key) WHERE state = 1;
CREATE INDEX job_failed ON job (id) WHERE state = 2;
-- One waiting verdict per key. Only jobs that nobody claimed yet count, so a retry never collides with a newer wish.
CREATE UNIQUE INDEX job_verdict_once ON job (key) WHERE kind = 'verdict' AND state = 0 AND worker IS NULL;

CREATE TABLE crash (
    machine_id uuid NOT NULL,
    crashed_at timestamptz NOT NULL,
    id uuid NOT NULL,
    dump_id uuid,
    source text NOT NULL CHECK (source IN ('dump', 'event', 'import')),
    kind text NOT NULL CHECK (kind IN ('kernel', 'user')),
    counts boolean NOT NULL,
    stop_code bigint,
    raw_code bigint,
    parameters bigint[] NOT NULL DEFAULT '{}',
    uptime_seconds bigint,
    process text,
    os_build integer,
    model_id integer,
    signature text NOT NULL,
    driver_set_id bigint,
    probable_driver text,
    probable_driver_version_id integer,
    confidence text,
    received_at timestamptz NOT NULL,
    report jsonb NOT NULL,
    PRIMARY KEY (machine_id, crashed_at, id)
) PARTITION BY RANGE (crashed_at);

COMMENT ON TABLE crash IS 'A machine that stopped, or a process that ended, once. One partition a month; retention drops partitions.';
COMMENT ON COLUMN crash.machine_id IS 'The machine; all zeros when the upload named none.';
COMMENT ON COLUMN crash.crashed_at IS 'When it happened by the machine''s clock; the time of receipt where that is absurd or unknown.';
COMMENT ON COLUMN crash.id IS 'UUID version 7. Analysing the dump again keeps it.';
COMMENT ON COLUMN crash.dump_id IS 'The dump it was read from, if one came.';
COMMENT ON COLUMN crash.source IS 'dump, event (the machine''s event log) or import.';
COMMENT ON COLUMN crash.kind IS 'kernel (bug check) or user (exception in a process).';
COMMENT ON COLUMN crash.counts IS 'False for live dumps and for stops that somebody caused on purpose: shown, never counted.';
COMMENT ON COLUMN crash.stop_code IS 'Bug check code with bit 28 cleared; null for user crashes.';
COMMENT ON COLUMN crash.raw_code IS 'Bug check code as the dump holds it.';
COMMENT ON COLUMN crash.parameters IS 'The four parameters, each an unsigned 64-bit value in the bits of a signed one.';
COMMENT ON COLUMN crash.uptime_seconds IS 'From boot to crash.';
COMMENT ON COLUMN crash.process IS 'Image name of the current process, as Windows cuts it.';
COMMENT ON COLUMN crash.os_build IS 'Windows build.';
COMMENT ON COLUMN crash.model_id IS 'Hardware model at the time of recording.';
COMMENT ON COLUMN crash.signature IS 'What groups crashes with one cause.';
COMMENT ON COLUMN crash.driver_set_id IS 'Drivers loaded at the crash; null when it came without a dump.';
COMMENT ON COLUMN crash.probable_driver IS 'Lower-case base name of the driver the dump points at, if it points at one.';
COMMENT ON COLUMN crash.probable_driver_version_id IS 'Its version, joined from inventories by code id.';
COMMENT ON COLUMN crash.confidence IS 'low, medium or high.';
COMMENT ON COLUMN crash.received_at IS 'When the server learnt of it.';
COMMENT ON COLUMN crash.report IS 'The whole report as the API shows it, but for ids and joined versions.';

CREATE TABLE crash_default PARTITION OF crash DEFAULT;
COMMENT ON TABLE crash_default IS 'Crashes of months that have no partition of their own.';

CREATE INDEX crash_by_id ON crash (id);
CREATE INDEX crash_newest ON crash (crashed_at DESC, id DESC);
CREATE INDEX crash_by_stop_code ON crash (stop_code, crashed_at DESC);
CREATE INDEX crash_by_probable_driver ON crash (probable_driver, crashed_at DESC) WHERE probable_driver IS NOT NULL;
CREATE INDEX crash_by_signature ON crash (signature, crashed_at DESC);

CREATE TABLE crash_evidence (
    machine_id uuid NOT NULL,
    crashed_at timestamptz NOT NULL,
    crash_id uuid NOT NULL,
    driver_version_id integer NOT NULL,
    kind text NOT NULL,
    strength real NOT NULL,
    PRIMARY KEY (machine_id, crashed_at, crash_id, driver_version_id, kind)
) PARTITION BY RANGE (crashed_at);

COMMENT ON TABLE crash_evidence IS 'What in one dump points at which driver version. Only drivers that are known by their code id.';
COMMENT ON COLUMN crash_evidence.machine_id IS 'As in crash.';
COMMENT ON COLUMN crash_evidence.crashed_at IS 'As in crash.';
COMMENT ON COLUMN crash_evidence.crash_id IS 'The crash.';
COMMENT ON COLUMN crash_evidence.driver_version_id IS 'The driver version it points at.';
COMMENT ON COLUMN crash_evidence.kind IS 'parameter, stack, stack-scan, named-by-windows or unloaded.';
COMMENT ON COLUMN crash_evidence.strength IS 'From 0 (nothing) to 1 (proof).';

CREATE TABLE crash_evidence_default PARTITION OF crash_evidence DEFAULT;
COMMENT ON TABLE crash_evidence_default IS 'Evidence of crashes of months that have no partition of their own.';

CREATE INDEX crash_evidence_by_version ON crash_evidence (driver_version_id, crashed_at);

CREATE TABLE token (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    hash bytea NOT NULL CONSTRAINT token_hash_key UNIQUE CHECK (octet_length(hash) = 32),
    scopes text[] NOT NULL,
    machine text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);

COMMENT ON TABLE token IS 'Access tokens. The text itself is shown once and stored nowhere.';
COMMENT ON COLUMN token.id IS 'UUID version 7.';
COMMENT ON COLUMN token.name IS 'What it is for, for people.';
COMMENT ON COLUMN token.hash IS 'SHA-256 of the text.';
COMMENT ON COLUMN token.scopes IS 'What it may do: upload, agent, read, download, symbols, admin.';
COMMENT ON COLUMN token.machine IS 'The only machine it may write for, as its client names it.';
COMMENT ON COLUMN token.created_at IS 'When it was made.';
COMMENT ON COLUMN token.expires_at IS 'When it stops working; null: never.';
COMMENT ON COLUMN token.revoked_at IS 'When it was revoked.';
COMMENT ON COLUMN token.last_used_at IS 'When it was used last, to within ten minutes.';

CREATE TABLE session (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    token_id uuid REFERENCES token (id),
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

COMMENT ON TABLE session IS 'Signed-in browsers.';
COMMENT ON COLUMN session.hash IS 'SHA-256 of the cookie''s value.';
COMMENT ON COLUMN session.token_id IS 'The token it was opened with, and ends with; null when a sign-in link was used.';
COMMENT ON COLUMN session.scopes IS 'What it may do.';
COMMENT ON COLUMN session.created_at IS 'When it was opened.';
COMMENT ON COLUMN session.expires_at IS 'When it ends.';

CREATE TABLE sign_in_link (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    scopes text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

COMMENT ON TABLE sign_in_link IS 'Links that open a session once.';
COMMENT ON COLUMN sign_in_link.hash IS 'SHA-256 of the secret in the link.';
COMMENT ON COLUMN sign_in_link.scopes IS 'What the session may do.';
COMMENT ON COLUMN sign_in_link.expires_at IS 'When it stops working unused.';
COMMENT ON COLUMN sign_in_link.used_at IS 'When it was used.';

CREATE TABLE audit (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    token_id uuid,
    action text NOT NULL,
    subject text NOT NULL
);

COMMENT ON TABLE audit IS 'Who did what that needs an answer later: raw downloads, tokens made and revoked, reprocessing.';
COMMENT ON COLUMN audit.id IS 'UUID version 7.';
COMMENT ON COLUMN audit.at IS 'When.';
COMMENT ON COLUMN audit.token_id IS 'The token used; null for a session opened by a link, and for the program itself.';
COMMENT ON COLUMN audit.action IS 'What was done, e.g. dump.download.';
COMMENT ON COLUMN audit.subject IS 'To what: an id.';

CREATE INDEX audit_newest ON audit (at DESC);
