-- The fleet: machines, drivers and their versions, which machine had which drivers when, and on which days it was on.
--
-- Big tables (machine, inventory, presence) start their primary key with the machine and are joined on it; the others
-- are dictionaries, small enough to be copied to every node. No foreign keys lead from one kind to the other, so that
-- the same tables can be distributed by machine_id later.

CREATE TABLE hardware_model (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    manufacturer text NOT NULL DEFAULT '',
    model text NOT NULL,
    CONSTRAINT hardware_model_key UNIQUE (manufacturer, model)
);

COMMENT ON TABLE hardware_model IS 'Dictionary of hardware models: crash rates are compared within one.';
COMMENT ON COLUMN hardware_model.id IS 'What presence and crashes point at.';
COMMENT ON COLUMN hardware_model.manufacturer IS 'As the firmware spells it; empty when only the model is known.';
COMMENT ON COLUMN hardware_model.model IS 'As the firmware spells it, e.g. Latitude 7420.';

CREATE TABLE driver (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT driver_name_key UNIQUE,
    company text,
    class text,
    description text,
    product text,
    signer text
);

COMMENT ON TABLE driver IS 'Dictionary of drivers: one row per file name, whatever the version.';
COMMENT ON COLUMN driver.id IS 'What its versions point at.';
COMMENT ON COLUMN driver.name IS 'Lower-case base name, e.g. acmecap.sys.';
COMMENT ON COLUMN driver.company IS 'Company of the version resource, from the first inventory that told it.';
COMMENT ON COLUMN driver.class IS 'Device class, e.g. Net.';
COMMENT ON COLUMN driver.description IS 'Description of the version resource.';
COMMENT ON COLUMN driver.product IS 'Product of the version resource.';
COMMENT ON COLUMN driver.signer IS 'Who signed it.';

CREATE TABLE driver_version (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    driver_id integer NOT NULL REFERENCES driver (id),
    version text,
    placeholder_code_id text CONSTRAINT driver_version_placeholder_key UNIQUE,
    first_seen_on date NOT NULL,
    merged_into integer REFERENCES driver_version (id),
    CONSTRAINT driver_version_key UNIQUE (driver_id, version),
    CONSTRAINT driver_version_is_known_or_placeholder CHECK ((version IS NULL) <> (placeholder_code_id IS NULL)),
    CONSTRAINT only_placeholders_are_merged CHECK (merged_into IS NULL OR version IS NULL)
);

COMMENT ON TABLE driver_version IS 'Dictionary of driver versions, the things that are ranked. Driver sets hold their ids.';
COMMENT ON COLUMN driver_version.id IS 'Dense: counters are arrays with this as index. Never used up by an insert that finds the row there.';
COMMENT ON COLUMN driver_version.driver_id IS 'The driver.';
COMMENT ON COLUMN driver_version.version IS 'File version as inventories tell it; null for a placeholder.';
COMMENT ON COLUMN driver_version.placeholder_code_id IS
    'For an image that no inventory has described yet: its code id; or the name and a slash for a driver that was told without version and image.';
COMMENT ON COLUMN driver_version.first_seen_on IS 'The first day it was told of.';
COMMENT ON COLUMN driver_version.merged_into IS
    'The version that a placeholder turned out to be. Sets keep the placeholder''s id; readers resolve it.';

-- Readers load the few merged placeholders to resolve them.
CREATE INDEX driver_version_merged ON driver_version (id, merged_into) WHERE merged_into IS NOT NULL;
-- What is new in the last seven days.
CREATE INDEX driver_version_first_seen ON driver_version (first_seen_on);

CREATE TABLE driver_image (
    code_id text PRIMARY KEY,
    driver_version_id integer NOT NULL REFERENCES driver_version (id),
    checksum bigint,
    sha256 bytea CHECK (octet_length(sha256) = 32)
);

COMMENT ON TABLE driver_image IS 'Dictionary of driver images: dumps know images, inventories know their versions. Many images may be one version.';
COMMENT ON COLUMN driver_image.code_id IS 'Lower-case base name, slash, TimeDateStamp as 8 hex digits, SizeOfImage as hex.';
COMMENT ON COLUMN driver_image.driver_version_id IS 'Its version; re-pointed once when an inventory describes a placeholder''s image.';
COMMENT ON COLUMN driver_image.checksum IS 'CheckSum of the PE header.';
COMMENT ON COLUMN driver_image.sha256 IS 'Hash of the file.';

-- The images of a version, for every page that shows one.
CREATE INDEX driver_image_version ON driver_image (driver_version_id);

CREATE TABLE driver_set (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash bytea NOT NULL CONSTRAINT driver_set_hash_key UNIQUE CHECK (octet_length(hash) = 32),
    driver_version_ids bytea NOT NULL CHECK (octet_length(driver_version_ids) % 4 = 0)
);

COMMENT ON TABLE driver_set IS
    'Each combination of driver versions that a machine ever had, once. Row 0 is the empty set and means: not known.';
COMMENT ON COLUMN driver_set.id IS 'What machines, inventories, presence and crashes point at.';
COMMENT ON COLUMN driver_set.hash IS 'SHA-256 of driver_version_ids; agents send it in place of an unchanged inventory.';
COMMENT ON COLUMN driver_set.driver_version_ids IS
    'Ids of driver versions, ascending, four big-endian bytes each. Not int4[]: streaming 43,000 sets of 200 took 0.55 s as arrays and 0.03 s as bytes. driver_set_members() unpacks it.';

INSERT INTO driver_set (id, hash, driver_version_ids) OVERRIDING SYSTEM VALUE VALUES (0, sha256(''), '');

CREATE FUNCTION driver_set_members(packed bytea) RETURNS integer[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
        SELECT coalesce(array_agg(('x' || encode(substr(packed, at, 4), 'hex'))::bit(32)::integer ORDER BY at), '{}')
        FROM generate_series(1, octet_length(packed), 4) AS at
    $$;

COMMENT ON FUNCTION driver_set_members(bytea) IS 'The ids packed in driver_set.driver_version_ids, for people and reports; the server unpacks them itself.';

CREATE TABLE machine (
    machine_id uuid PRIMARY KEY,
    name text NOT NULL,
    host_name text,
    manufacturer text,
    model text,
    model_id integer,
    bios_version text,
    os_build integer,
    architecture text,
    site text,
    ring text,
    crash_control jsonb,
    driver_set_id bigint NOT NULL DEFAULT 0,
    inventory_at timestamptz,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    first_presence date
) WITH (fillfactor = 80);

COMMENT ON TABLE machine IS 'Machines that were heard of, with what is true of them now.';
COMMENT ON COLUMN machine.machine_id IS 'First 16 bytes of the SHA-256 of its name: known without a look-up, spread evenly.';
COMMENT ON COLUMN machine.name IS 'The id its client gave it.';
COMMENT ON COLUMN machine.host_name IS 'Host name.';
COMMENT ON COLUMN machine.manufacturer IS 'Manufacturer as the firmware spells it.';
COMMENT ON COLUMN machine.model IS 'Hardware model as the firmware spells it.';
COMMENT ON COLUMN machine.model_id IS 'The row of hardware_model with these two.';
COMMENT ON COLUMN machine.bios_version IS 'BIOS version.';
COMMENT ON COLUMN machine.os_build IS 'Windows build, e.g. 22631.';
COMMENT ON COLUMN machine.architecture IS 'x86_64, arm64, ...';
COMMENT ON COLUMN machine.site IS 'Where it stands.';
COMMENT ON COLUMN machine.ring IS 'Its update ring.';
COMMENT ON COLUMN machine.crash_control IS 'Whether and how it can write dumps, as its agent found it. Stored and shown, never read.';
COMMENT ON COLUMN machine.driver_set_id IS 'Drivers by its latest inventory; 0 when there was none.';
COMMENT ON COLUMN machine.inventory_at IS 'When its latest inventory was taken.';
COMMENT ON COLUMN machine.first_seen_at IS 'When the server first heard of it.';
COMMENT ON COLUMN machine.last_seen_at IS 'When the server last heard of it.';
COMMENT ON COLUMN machine.first_presence IS 'Its first known day. Crashes before it are history: they have no denominator.';

-- The list of machines goes by name, and a page starts after the last name of the one before.
CREATE INDEX machine_by_name ON machine (name);

CREATE TABLE inventory (
    machine_id uuid NOT NULL,
    at timestamptz NOT NULL,
    driver_set_id bigint NOT NULL,
    os_build integer,
    model_id integer,
    PRIMARY KEY (machine_id, at)
);

COMMENT ON TABLE inventory IS 'Which drivers a machine had from a moment on, until its next row. Written when something changed.';
COMMENT ON COLUMN inventory.machine_id IS 'The machine.';
COMMENT ON COLUMN inventory.at IS 'When the inventory was taken.';
COMMENT ON COLUMN inventory.driver_set_id IS 'Its loaded drivers.';
COMMENT ON COLUMN inventory.os_build IS 'Its Windows build then.';
COMMENT ON COLUMN inventory.model_id IS 'Its hardware model then.';

CREATE TABLE presence (
    machine_id uuid NOT NULL,
    week date NOT NULL CHECK (extract(isodow FROM week) = 1),
    driver_set_id bigint NOT NULL,
    days smallint NOT NULL CHECK (days BETWEEN 1 AND 127),
    model_id integer,
    os_build integer,
    PRIMARY KEY (machine_id, week, driver_set_id)
) WITH (fillfactor = 80);

COMMENT ON TABLE presence IS 'The denominator: the days each machine was on, with the drivers it had at the end of the day.';
COMMENT ON COLUMN presence.machine_id IS 'The machine.';
COMMENT ON COLUMN presence.week IS 'Monday of the ISO week.';
COMMENT ON COLUMN presence.driver_set_id IS 'Drivers at the end of these days; 0 when no inventory had come yet.';
COMMENT ON COLUMN presence.days IS 'One bit a day, bit 0 is Monday. A day is in one row of a machine only.';
COMMENT ON COLUMN presence.model_id IS 'Hardware model.';
COMMENT ON COLUMN presence.os_build IS 'Windows build.';

-- A window is a range of weeks. Only the week: a day's bit is then set without touching an index (HOT update).
CREATE INDEX presence_by_week ON presence (week);

CREATE TABLE stop_code (
    code bigint PRIMARY KEY,
    name text NOT NULL,
    class text NOT NULL,
    parameters text[] NOT NULL,
    guidance text[] NOT NULL
);

COMMENT ON TABLE stop_code IS 'Dictionary of stop codes, written by the program that knows them when it starts.';
COMMENT ON COLUMN stop_code.code IS 'Bug check code with bit 28 cleared.';
COMMENT ON COLUMN stop_code.name IS 'Its name, e.g. PROCESS_HAS_LOCKED_PAGES.';
COMMENT ON COLUMN stop_code.class IS 'Kind of fault, e.g. driver. live and manual are never counted as crashes.';
COMMENT ON COLUMN stop_code.parameters IS 'What each of the four parameters means; a null where nothing is documented.';
COMMENT ON COLUMN stop_code.guidance IS 'What to do about it, most useful first.';

CREATE TABLE verdict (
    stop_code bigint NOT NULL,
    window_days integer NOT NULL,
    window_from date NOT NULL,
    window_to date NOT NULL,
    computed_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (stop_code, window_days)
);

COMMENT ON TABLE verdict IS 'The latest ranking of driver versions for a stop code. Reading it is one row.';
COMMENT ON COLUMN verdict.stop_code IS 'Bug check code with bit 28 cleared.';
COMMENT ON COLUMN verdict.window_days IS 'Length of the window.';
COMMENT ON COLUMN verdict.window_from IS 'First day counted.';
COMMENT ON COLUMN verdict.window_to IS 'Last day counted.';
COMMENT ON COLUMN verdict.computed_at IS 'When the counts were taken.';
COMMENT ON COLUMN verdict.body IS 'The answer as the API gives it. Stored and shown, never read.';
