-- Symbol files that were uploaded, which are missed by which crashes, and the rules by which crashes are grouped.

CREATE TABLE symbol_file (
    id uuid PRIMARY KEY,
    key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('image', 'debug')),
    name text NOT NULL,
    symbol_id text NOT NULL,
    file_name text NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'ready', 'failed')),
    reason text,
    debug_key text,
    uploaded_at timestamptz NOT NULL,
    settled_at timestamptz,
    token_id uuid,
    CONSTRAINT symbol_file_key UNIQUE (key, kind)
);

COMMENT ON TABLE symbol_file IS 'An uploaded symbol file. Its bytes lie in the blob store under their SHA-256; there is never a row without them.';
COMMENT ON COLUMN symbol_file.id IS 'UUID version 7, made when the upload was taken. Other bytes under the same key get another, so that what was found out about the old ones is not believed of the new.';
COMMENT ON COLUMN symbol_file.key IS 'Name and id in lower case, amdppm.sys/c9c030003b000: by which it is looked for.';
COMMENT ON COLUMN symbol_file.kind IS 'image (program, library, driver) or debug (PDB, Breakpad file).';
COMMENT ON COLUMN symbol_file.name IS 'The name in its key as it was given. Text of a stranger: a checked file name, yet never a path.';
COMMENT ON COLUMN symbol_file.symbol_id IS 'The id in its key as it was given.';
COMMENT ON COLUMN symbol_file.file_name IS 'The name the bytes came under, e.g. amdppm.pd_.';
COMMENT ON COLUMN symbol_file.sha256 IS 'Hash of the bytes. Two keys may share them.';
COMMENT ON COLUMN symbol_file.size_bytes IS 'Size of the bytes as they are stored.';
COMMENT ON COLUMN symbol_file.state IS 'queued (a worker is yet to read it), ready, or failed.';
COMMENT ON COLUMN symbol_file.reason IS 'Why it failed, in a sentence.';
COMMENT ON COLUMN symbol_file.debug_key IS 'Of an image: the key of the debug file that it names, in lower case.';
COMMENT ON COLUMN symbol_file.uploaded_at IS 'When these bytes were taken.';
COMMENT ON COLUMN symbol_file.settled_at IS 'When it became ready or failed, by the database''s clock.';
COMMENT ON COLUMN symbol_file.token_id IS 'The token it was uploaded with; null for a session opened by a link, and for the program itself.';

CREATE INDEX symbol_file_newest ON symbol_file (uploaded_at DESC, id DESC);
-- The sweeper asks whether a blob has a row.
CREATE INDEX symbol_file_sha256 ON symbol_file (sha256);

CREATE TABLE missing_symbol (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL CONSTRAINT missing_symbol_key UNIQUE,
    kind text NOT NULL CHECK (kind IN ('image', 'debug')),
    name text NOT NULL,
    path text NOT NULL
);

COMMENT ON TABLE missing_symbol IS 'Dictionary of symbol files that crashes missed. A row stays when the file comes.';
COMMENT ON COLUMN missing_symbol.id IS 'What crashes hold.';
COMMENT ON COLUMN missing_symbol.key IS 'As in symbol_file.';
COMMENT ON COLUMN missing_symbol.kind IS 'image or debug, told by the length of the id: a report does not say.';
COMMENT ON COLUMN missing_symbol.name IS 'File name as the first crash that missed it spells it. Text of a stranger: never a path here.';
COMMENT ON COLUMN missing_symbol.path IS 'Where a symbol server has it: name/id/name.';

ALTER TABLE crash ADD COLUMN missing_symbols integer[];
ALTER TABLE crash ADD COLUMN signature_rules integer NOT NULL DEFAULT 0;

COMMENT ON COLUMN crash.missing_symbols IS 'Symbol files that would make its stack better, sorted; null when there are none, and when it came without a dump.';
COMMENT ON COLUMN crash.signature_rules IS 'Version of the rules its signature was made by; 0 for the built-in ones.';

-- What is already stored must gain from symbols too. This may take longer than a statement is usually given.
SET LOCAL statement_timeout = 0;

INSERT INTO missing_symbol (key, kind, name, path)
SELECT DISTINCT ON (key) key, CASE WHEN length(split_part(key, '/', 2)) <= 16 THEN 'image' ELSE 'debug' END, name, path
FROM crash
CROSS JOIN LATERAL jsonb_array_elements(report -> 'missing_symbols') AS missing (symbol)
CROSS JOIN LATERAL (
    SELECT symbol ->> 'name' AS name, symbol ->> 'key' AS path,
        lower(split_part(symbol ->> 'key', '/', 1) || '/' || split_part(symbol ->> 'key', '/', 2)) AS key
) AS told
WHERE crash.source = 'dump'
    AND jsonb_typeof(report -> 'missing_symbols') = 'array'
    AND name IS NOT NULL
    AND path ~ '^[^/]{1,160}/[0-9A-Fa-f]{1,72}/[^/]{1,160}$'
ORDER BY key;

UPDATE crash
SET missing_symbols = missed.ids
FROM (
    SELECT crash.machine_id, crash.crashed_at, crash.id, array_agg(DISTINCT missing_symbol.id) AS ids
    FROM crash
    CROSS JOIN LATERAL jsonb_array_elements(report -> 'missing_symbols') AS missing (symbol)
    JOIN missing_symbol
        ON missing_symbol.key = lower(split_part(symbol ->> 'key', '/', 1) || '/' || split_part(symbol ->> 'key', '/', 2))
    WHERE crash.source = 'dump' AND jsonb_typeof(report -> 'missing_symbols') = 'array'
    GROUP BY crash.machine_id, crash.crashed_at, crash.id
) AS missed
WHERE crash.machine_id = missed.machine_id AND crash.crashed_at = missed.crashed_at AND crash.id = missed.id;

-- Rows that missed nothing hold null, which costs this index nothing. Partitions made later get it when they are attached.
CREATE INDEX crash_by_missing_symbol ON crash USING gin (missing_symbols) WHERE missing_symbols IS NOT NULL;

-- One waiting re-analysis per dump, as with verdicts.
CREATE UNIQUE INDEX job_reanalyze_once ON job (key) WHERE kind = 'reanalyze' AND state = 0 AND worker IS NULL;

COMMENT ON COLUMN job.kind IS 'Which code runs it: analyze, reanalyze, verdict, symbol, regroup.';
COMMENT ON COLUMN job.key IS 'What it is about: a dump id, stop code and window as in 118:91, a symbol file''s id, a version of the signature rules.';

CREATE TABLE signature_rules (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    rules jsonb NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    changed_at timestamptz NOT NULL
);

COMMENT ON TABLE signature_rules IS 'The rules by which crashes are grouped, when an administrator changed them. At most one row; without it the built-in ones hold.';
COMMENT ON COLUMN signature_rules.one IS 'Always true: there is one row.';
COMMENT ON COLUMN signature_rules.rules IS 'The rules as analysis reads them. Stored, never read here.';
COMMENT ON COLUMN signature_rules.version IS 'Counts the changes, from 1.';
COMMENT ON COLUMN signature_rules.changed_at IS 'When they were changed last.';
