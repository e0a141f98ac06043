-- What dashboards, spreadsheets and BI tools may read: views over the tables, in a schema of their own.
--
-- The views belong to the owner of the tables and read them with the owner's rights, so that whoever reads the views needs
-- no right on any table. Their names and columns are a contract: columns are added at the end, never renamed. Words and
-- numbers are those of the HTTP API. There is nothing in them that identifies a person: no report, no host name, no file
-- name, no annotation.
--
-- A view by day or week asks for each day and week apart, so that a filter on its day or week reaches the partitions and
-- the indexes. Closed weeks come from the roll-ups (exposure_week, exposure_model_week), the others are counted.

-- For dumps by day. Dumps arrive in the order of this column, so that ranges of blocks tell it, at hardly any cost.
CREATE INDEX dump_received ON dump USING brin (received_at) WITH (pages_per_range = 32);

CREATE SCHEMA reporting;

COMMENT ON SCHEMA reporting IS 'Read-only views for dashboards, spreadsheets and BI tools. docs/dashboards.md describes them.';

CREATE FUNCTION reporting.unpack_machine_days(packed bytea) RETURNS TABLE (id integer, machine_days bigint)
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
        DECLARE
            -- A copy in memory: reading a byte of a value that is stored apart would fetch it whole, each time.
            bytes CONSTANT bytea := packed || ''::bytea;
            size CONSTANT integer := octet_length(packed);
            place integer := 0;
            seven_bits integer;
            shift integer := 0;
            value bigint := 0;
            id_before bigint := 0;
            is_days boolean := false;
        BEGIN
            WHILE place < size LOOP
                seven_bits := get_byte(bytes, place);
                place := place + 1;
                value := value | ((seven_bits & 127)::bigint << shift);
                IF seven_bits > 127 THEN
                    shift := shift + 7;
                    CONTINUE;
                END IF;
                IF is_days THEN
                    id := id_before;
                    machine_days := value;
                    RETURN NEXT;
                ELSE
                    id_before := id_before + value;
                END IF;
                is_days := NOT is_days;
                shift := 0;
                value := 0;
            END LOOP;
        END
    $$;

COMMENT ON FUNCTION reporting.unpack_machine_days(bytea) IS 'The pairs packed in exposure_model_week. Reads no table.';

CREATE VIEW reporting.stop_codes AS
SELECT '0x' || to_hex(code) AS stop_code, code AS stop_code_number, name AS stop_code_name, class
FROM stop_code;

COMMENT ON VIEW reporting.stop_codes IS 'Every stop code that is known, seen or not.';
COMMENT ON COLUMN reporting.stop_codes.stop_code IS 'As in the API, e.g. 0x76.';
COMMENT ON COLUMN reporting.stop_codes.stop_code_number IS 'The same as a number.';
COMMENT ON COLUMN reporting.stop_codes.stop_code_name IS 'Its name, e.g. PROCESS_HAS_LOCKED_PAGES.';
COMMENT ON COLUMN reporting.stop_codes.class IS 'Kind of fault, e.g. driver. live and manual are never counted as crashes.';

CREATE VIEW reporting.crashes AS
SELECT crash.id AS crash_id, nullif(crash.machine_id, '00000000-0000-0000-0000-000000000000') AS machine_id, crash.crashed_at,
    crash.received_at, crash.source, crash.kind, crash.counts, '0x' || to_hex(crash.stop_code) AS stop_code,
    crash.stop_code AS stop_code_number, coalesce(stop_code.name, CASE crash.kind WHEN 'kernel' THEN 'UNKNOWN_BUGCHECK' END) AS stop_code_name,
    crash.uptime_seconds, lower(crash.process) AS process, crash.os_build, nullif(hardware_model.manufacturer, '') AS manufacturer,
    hardware_model.model, crash.signature, crash.probable_driver, driver_version.version AS probable_driver_version,
    crash.confidence, coalesce(cardinality(crash.missing_symbols), 0) AS missing_symbols
FROM crash
LEFT JOIN stop_code ON stop_code.code = crash.stop_code
LEFT JOIN hardware_model ON hardware_model.id = crash.model_id
LEFT JOIN driver_version ON driver_version.id = crash.probable_driver_version_id;

COMMENT ON VIEW reporting.crashes IS 'One row a crash. Filter by crashed_at: it is partitioned and indexed by it.';
COMMENT ON COLUMN reporting.crashes.crash_id IS 'Its id, as in /crashes/{id}.';
COMMENT ON COLUMN reporting.crashes.machine_id IS 'The machine, as in reporting.machines; null when the upload named none.';
COMMENT ON COLUMN reporting.crashes.crashed_at IS 'When it happened.';
COMMENT ON COLUMN reporting.crashes.received_at IS 'When the server learnt of it.';
COMMENT ON COLUMN reporting.crashes.source IS 'dump, event or import.';
COMMENT ON COLUMN reporting.crashes.kind IS 'kernel (bug check) or user (exception in a process).';
COMMENT ON COLUMN reporting.crashes.counts IS 'False for live dumps and for stops that somebody caused on purpose: shown, never counted.';
COMMENT ON COLUMN reporting.crashes.stop_code IS 'As in the API, e.g. 0x76; null for user crashes.';
COMMENT ON COLUMN reporting.crashes.stop_code_number IS 'The same as a number; a filter on it uses an index.';
COMMENT ON COLUMN reporting.crashes.stop_code_name IS 'Its name; UNKNOWN_BUGCHECK when nobody knows it.';
COMMENT ON COLUMN reporting.crashes.uptime_seconds IS 'From boot to crash, in seconds.';
COMMENT ON COLUMN reporting.crashes.process IS 'Image name of the current process, in lower case.';
COMMENT ON COLUMN reporting.crashes.os_build IS 'Windows build.';
COMMENT ON COLUMN reporting.crashes.manufacturer IS 'Manufacturer of the hardware model.';
COMMENT ON COLUMN reporting.crashes.model IS 'Hardware model.';
COMMENT ON COLUMN reporting.crashes.signature IS 'What groups crashes with one cause.';
COMMENT ON COLUMN reporting.crashes.probable_driver IS 'The driver that the dump points at, if it points at one.';
COMMENT ON COLUMN reporting.crashes.probable_driver_version IS 'Its version, if an inventory told it.';
COMMENT ON COLUMN reporting.crashes.confidence IS 'low, medium or high.';
COMMENT ON COLUMN reporting.crashes.missing_symbols IS 'Number of symbol files that would make its stack better.';

CREATE VIEW reporting.machines AS
SELECT machine_id, name AS machine, manufacturer, model, os_build, architecture, nullif(site, '') AS site, ring, bios_version, first_seen_at,
    last_seen_at, inventory_at, first_presence AS first_presence_on, crash_control IS NOT NULL AS tells_crash_control
FROM machine;

COMMENT ON VIEW reporting.machines IS 'One row a machine, with what is true of it now.';
COMMENT ON COLUMN reporting.machines.machine_id IS 'What the other views know it by: a hash of its name.';
COMMENT ON COLUMN reporting.machines.machine IS 'The id its client gave it, as in /machines/{machine}. The only column of this schema that names a device.';
COMMENT ON COLUMN reporting.machines.manufacturer IS 'Manufacturer.';
COMMENT ON COLUMN reporting.machines.model IS 'Hardware model.';
COMMENT ON COLUMN reporting.machines.os_build IS 'Windows build.';
COMMENT ON COLUMN reporting.machines.architecture IS 'x86_64, arm64, ...';
COMMENT ON COLUMN reporting.machines.site IS 'Where it stands.';
COMMENT ON COLUMN reporting.machines.ring IS 'Its update ring.';
COMMENT ON COLUMN reporting.machines.bios_version IS 'BIOS version.';
COMMENT ON COLUMN reporting.machines.first_seen_at IS 'When the server first heard of it.';
COMMENT ON COLUMN reporting.machines.last_seen_at IS 'When the server last heard of it.';
COMMENT ON COLUMN reporting.machines.inventory_at IS 'When its latest inventory was taken; null when none came.';
COMMENT ON COLUMN reporting.machines.first_presence_on IS 'Its first known day; null when it never told one: its crashes enter no rate.';
COMMENT ON COLUMN reporting.machines.tells_crash_control IS 'Whether its agent told how Windows writes dumps there.';

CREATE VIEW reporting.weeks AS
-- Looks into the index once a week, however many machines there are.
WITH RECURSIVE told (week) AS (
    SELECT min(presence.week) FROM presence
    UNION ALL
    SELECT (SELECT min(presence.week) FROM presence WHERE presence.week > told.week)
    FROM told
    WHERE told.week IS NOT NULL
),
known (week) AS (
    SELECT week FROM told WHERE week IS NOT NULL
    UNION
    SELECT week FROM exposure_week
)
SELECT known.week, kept.rolled_up_at,
    kept.week IS NOT NULL
        AND NOT EXISTS (SELECT FROM exposure_change WHERE exposure_change.week = known.week) AS is_rolled_up
FROM known
LEFT JOIN exposure_week AS kept ON kept.week = known.week;

COMMENT ON VIEW reporting.weeks IS 'Weeks in which machines were on, and whether their machine-days are counted for good.';
COMMENT ON COLUMN reporting.weeks.week IS 'Monday of the ISO week.';
COMMENT ON COLUMN reporting.weeks.rolled_up_at IS 'When it was counted last; null when never.';
COMMENT ON COLUMN reporting.weeks.is_rolled_up IS 'Whether that holds. Other weeks are counted whenever they are asked for.';

CREATE VIEW reporting.machine_days_daily AS
SELECT week.week + place.number::integer - 1 AS day, place.machine_days
FROM reporting.weeks AS week
CROSS JOIN LATERAL (
    SELECT kept.machine_days_by_day
    FROM exposure_week AS kept
    WHERE kept.week = week.week AND week.is_rolled_up
    UNION ALL
    -- How many machines had the same days, so that a million rows are not taken seven times each.
    SELECT ARRAY(
        SELECT coalesce(sum(same.machines) FILTER (WHERE same.days >> bit & 1 = 1), 0)::bigint
        FROM generate_series(0, 6) AS bit
        LEFT JOIN (
            SELECT presence.days::integer AS days, count(*) AS machines
            FROM presence
            WHERE presence.week = week.week
            GROUP BY 1
        ) AS same ON true
        GROUP BY bit
        ORDER BY bit
    )
    WHERE NOT week.is_rolled_up
) AS counted
CROSS JOIN LATERAL unnest(counted.machine_days_by_day) WITH ORDINALITY AS place (machine_days, number)
WHERE week.week + place.number::integer - 1 <= (now() AT TIME ZONE 'UTC')::date;

COMMENT ON VIEW reporting.machine_days_daily IS 'The denominator: on each day (UTC) of the weeks known, how many machines were on.';
COMMENT ON COLUMN reporting.machine_days_daily.day IS 'The day, UTC.';
COMMENT ON COLUMN reporting.machine_days_daily.machine_days IS 'Machines that were on, those with unknown drivers included. In machine-days.';

CREATE VIEW reporting.stop_codes_daily AS
SELECT days.day, '0x' || to_hex(counted.stop_code) AS stop_code, counted.stop_code AS stop_code_number,
    coalesce(stop_code.name, 'UNKNOWN_BUGCHECK') AS stop_code_name, coalesce(stop_code.class, 'unknown') AS class, counted.crashes,
    counted.machines, counted.crashes_in_rate, fleet.machine_days,
    1000.0 * counted.crashes_in_rate / nullif(fleet.machine_days, 0) AS crashes_per_1000_machine_days
FROM (
    SELECT first_day + days_after AS day
    FROM (
        SELECT (min(crashed_at) AT TIME ZONE 'UTC')::date AS first_day, (max(crashed_at) AT TIME ZONE 'UTC')::date AS last_day
        FROM crash
    ) AS span
    CROSS JOIN LATERAL generate_series(0, last_day - first_day) AS days_after
) AS days
CROSS JOIN LATERAL (
    SELECT crash.stop_code, count(*) AS crashes,
        count(DISTINCT crash.machine_id) FILTER (WHERE crash.machine_id <> '00000000-0000-0000-0000-000000000000') AS machines,
        count(*) FILTER (WHERE crash.counts AND EXISTS (
            SELECT
            FROM presence
            WHERE presence.machine_id = crash.machine_id
                AND presence.week = date_trunc('week', days.day::timestamp)::date
                AND presence.days & (1 << (extract(isodow FROM days.day)::integer - 1)) <> 0
        )) AS crashes_in_rate
    FROM crash
    WHERE crash.kind = 'kernel'
        AND crash.stop_code IS NOT NULL
        AND crash.crashed_at >= days.day::timestamp AT TIME ZONE 'UTC'
        AND crash.crashed_at < (days.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY crash.stop_code
) AS counted
LEFT JOIN stop_code ON stop_code.code = counted.stop_code
LEFT JOIN reporting.machine_days_daily AS fleet ON fleet.day = days.day;

COMMENT ON VIEW reporting.stop_codes_daily IS 'Crashes by day (UTC) and stop code; days without a crash have no row. Filter by day. For a rate over several days, sum crashes_in_rate and divide by the sum of machine_days_daily.';
COMMENT ON COLUMN reporting.stop_codes_daily.day IS 'The day, UTC.';
COMMENT ON COLUMN reporting.stop_codes_daily.stop_code IS 'As in the API, e.g. 0x76.';
COMMENT ON COLUMN reporting.stop_codes_daily.stop_code_number IS 'The same as a number.';
COMMENT ON COLUMN reporting.stop_codes_daily.stop_code_name IS 'Its name; UNKNOWN_BUGCHECK when nobody knows it.';
COMMENT ON COLUMN reporting.stop_codes_daily.class IS 'Kind of fault. live and manual are never counted as crashes.';
COMMENT ON COLUMN reporting.stop_codes_daily.crashes IS 'Crashes of that day, as GET /api/v1/stop-codes has them.';
COMMENT ON COLUMN reporting.stop_codes_daily.machines IS 'Machines that crashed with it that day. Not to be added up over days.';
COMMENT ON COLUMN reporting.stop_codes_daily.crashes_in_rate IS 'Those crashes that count, of machines that were on that day by their presence.';
COMMENT ON COLUMN reporting.stop_codes_daily.machine_days IS 'Machines that were on that day, whatever happened to them. In machine-days; null when none told.';
COMMENT ON COLUMN reporting.stop_codes_daily.crashes_per_1000_machine_days IS 'crashes_in_rate per 1,000 machine_days.';

CREATE VIEW reporting.driver_versions AS
SELECT driver_version.id AS driver_version_id, driver.name AS driver, driver_version.version, driver.company, driver.class,
    driver.description, driver.product, driver.signer, driver_version.first_seen_on
FROM driver_version
JOIN driver ON driver.id = driver_version.driver_id
WHERE driver_version.merged_into IS NULL;

COMMENT ON VIEW reporting.driver_versions IS 'Every driver version that was ever told of.';
COMMENT ON COLUMN reporting.driver_versions.driver_version_id IS 'What the other views know it by.';
COMMENT ON COLUMN reporting.driver_versions.driver IS 'Base name in lower case, e.g. acmecap.sys.';
COMMENT ON COLUMN reporting.driver_versions.version IS 'File version; null for an image that no inventory has described.';
COMMENT ON COLUMN reporting.driver_versions.company IS 'Company of the version resource.';
COMMENT ON COLUMN reporting.driver_versions.class IS 'Device class, e.g. Net.';
COMMENT ON COLUMN reporting.driver_versions.description IS 'Description of the version resource.';
COMMENT ON COLUMN reporting.driver_versions.product IS 'Product of the version resource.';
COMMENT ON COLUMN reporting.driver_versions.signer IS 'Who signed it.';
COMMENT ON COLUMN reporting.driver_versions.first_seen_on IS 'The first day it was told of.';

CREATE VIEW reporting.driver_versions_weekly AS
-- By id as of the time of the count; placeholders that were merged since are resolved below.
WITH told AS (
    SELECT week.week, pair.id, pair.machine_days
    FROM reporting.weeks AS week
    JOIN exposure_model_week AS cell ON cell.week = week.week
    CROSS JOIN LATERAL reporting.unpack_machine_days(cell.versions) AS pair
    WHERE week.is_rolled_up
    UNION ALL
    SELECT week.week, member.id, weight.machine_days
    FROM reporting.weeks AS week
    CROSS JOIN LATERAL (
        SELECT presence.driver_set_id, sum(bit_count(presence.days::integer::bit(7))) AS machine_days
        FROM presence
        WHERE presence.week = week.week AND presence.driver_set_id <> 0
        GROUP BY presence.driver_set_id
    ) AS weight
    JOIN driver_set ON driver_set.id = weight.driver_set_id
    CROSS JOIN LATERAL unnest(driver_set_members(driver_set.driver_version_ids)) AS member (id)
    WHERE NOT week.is_rolled_up
),
counted AS (
    SELECT told.week, coalesce(version.merged_into, version.id) AS driver_version_id, sum(told.machine_days)::bigint AS machine_days
    FROM told
    JOIN driver_version AS version ON version.id = told.id
    GROUP BY 1, 2
)
SELECT counted.week, counted.driver_version_id, version.driver, version.version, version.company, counted.machine_days
FROM counted
JOIN reporting.driver_versions AS version ON version.driver_version_id = counted.driver_version_id;

COMMENT ON VIEW reporting.driver_versions_weekly IS 'Days on which machines had each driver version, by week. Filter by week: weeks that are not rolled up are counted from every machine''s drivers, which takes seconds in a large fleet.';
COMMENT ON COLUMN reporting.driver_versions_weekly.week IS 'Monday of the ISO week.';
COMMENT ON COLUMN reporting.driver_versions_weekly.driver_version_id IS 'As in reporting.driver_versions.';
COMMENT ON COLUMN reporting.driver_versions_weekly.driver IS 'Base name in lower case.';
COMMENT ON COLUMN reporting.driver_versions_weekly.version IS 'File version; null for an image that no inventory has described.';
COMMENT ON COLUMN reporting.driver_versions_weekly.company IS 'Company of the version resource.';
COMMENT ON COLUMN reporting.driver_versions_weekly.machine_days IS 'Days on which machines had it. In machine-days.';

CREATE VIEW reporting.driver_version_crashes_weekly AS
SELECT weeks.week, counted.driver_version_id, counted.driver, version.version, version.company, counted.stop_code,
    counted.stop_code_number, counted.crashes, counted.crashing_machines
FROM (
    SELECT first_week + 7 * weeks_after AS week
    FROM (
        SELECT date_trunc('week', min(crashed_at) AT TIME ZONE 'UTC')::date AS first_week,
            (max(crashed_at) AT TIME ZONE 'UTC')::date AS last_day
        FROM crash
    ) AS span
    CROSS JOIN LATERAL generate_series(0, (last_day - first_week) / 7) AS weeks_after
) AS weeks
CROSS JOIN LATERAL (
    -- Without known drivers on that day there is no denominator. What the machine's latest inventory before the crash told
    -- holds; where there is none, what the day is filed under. Set 0 is empty.
    WITH crashed AS MATERIALIZED (
        SELECT crash.stop_code, crash.machine_id, presence.driver_set_id AS filed,
            coalesce(nullif(told.driver_set_id, 0), presence.driver_set_id) AS told, coalesce(crash.driver_set_id, 0) AS loaded,
            count(*) AS crashes
        FROM crash
        JOIN presence
            ON presence.machine_id = crash.machine_id
            AND presence.week = weeks.week
            AND presence.driver_set_id <> 0
            AND presence.days & (1 << (extract(isodow FROM crash.crashed_at AT TIME ZONE 'UTC')::integer - 1)) <> 0
        LEFT JOIN LATERAL (
            SELECT inventory.driver_set_id
            FROM inventory
            WHERE inventory.machine_id = crash.machine_id AND inventory.at <= crash.crashed_at
            ORDER BY inventory.at DESC
            LIMIT 1
        ) AS told ON true
        WHERE crash.kind = 'kernel'
            AND crash.counts
            AND crash.stop_code IS NOT NULL
            AND crash.crashed_at >= weeks.week::timestamp AT TIME ZONE 'UTC'
            AND crash.crashed_at < (weeks.week + 7)::timestamp AT TIME ZONE 'UTC'
        GROUP BY 1, 2, 3, 4, 5
    ),
    -- Machines with the same drivers are looked at once.
    member AS MATERIALIZED (
        SELECT driver_set.id AS driver_set_id, coalesce(version.merged_into, version.id) AS id,
            CASE WHEN canonical.version IS NOT NULL THEN canonical.driver_id END AS driver_id
        FROM driver_set
        CROSS JOIN LATERAL unnest(driver_set_members(driver_set.driver_version_ids)) AS stored (id)
        JOIN driver_version AS version ON version.id = stored.id
        JOIN driver_version AS canonical ON canonical.id = coalesce(version.merged_into, version.id)
        WHERE driver_set.id IN (
            SELECT told FROM crashed UNION SELECT filed FROM crashed UNION SELECT loaded FROM crashed
        )
    ),
    combination AS MATERIALIZED (
        SELECT DISTINCT told, filed, loaded FROM crashed
    ),
    known AS (
        SELECT combination.told, combination.filed, combination.loaded, member.driver_id
        FROM combination
        JOIN member ON member.driver_set_id = combination.told
        WHERE combination.loaded <> 0 AND member.driver_id IS NOT NULL
        UNION
        SELECT combination.told, combination.filed, combination.loaded, member.driver_id
        FROM combination
        JOIN member ON member.driver_set_id = combination.filed
        WHERE combination.loaded <> 0 AND member.driver_id IS NOT NULL
    ),
    -- Where the dump shows another known version of a driver that an inventory told, that one was running.
    replaced AS MATERIALIZED (
        SELECT known.told, known.filed, known.loaded, known.driver_id, max(member.id) AS id
        FROM known
        JOIN member ON member.driver_set_id = known.loaded AND member.driver_id = known.driver_id
        GROUP BY 1, 2, 3, 4
    ),
    running AS (
        SELECT combination.told, combination.filed, combination.loaded, member.id
        FROM combination
        JOIN member ON member.driver_set_id = combination.told
        LEFT JOIN replaced
            ON replaced.told = combination.told
            AND replaced.filed = combination.filed
            AND replaced.loaded = combination.loaded
            AND replaced.driver_id = member.driver_id
        WHERE replaced.id IS NULL
        UNION
        SELECT told, filed, loaded, id FROM replaced
    )
    -- Grouped by the driver's name too, so that a filter on it is done before the machines are counted; compared byte by byte,
    -- because sorting by language takes five times as long.
    SELECT running.id AS driver_version_id, driver.name COLLATE "C" AS driver, '0x' || to_hex(crashed.stop_code) AS stop_code,
        crashed.stop_code AS stop_code_number, sum(crashed.crashes)::bigint AS crashes,
        count(DISTINCT crashed.machine_id) AS crashing_machines
    FROM crashed
    JOIN running USING (told, filed, loaded)
    JOIN driver_version ON driver_version.id = running.id
    JOIN driver ON driver.id = driver_version.driver_id
    GROUP BY running.id, driver.name COLLATE "C", crashed.stop_code
) AS counted
JOIN reporting.driver_versions AS version ON version.driver_version_id = counted.driver_version_id;

COMMENT ON VIEW reporting.driver_version_crashes_weekly IS 'Crashes while machines had each driver version, by week and stop code; only crashes that count, on days with known drivers. Filter by week. High numbers alone accuse nobody: see reporting.suspects.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.week IS 'Monday of the ISO week.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.driver_version_id IS 'As in reporting.driver_versions.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.driver IS 'Base name in lower case.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.version IS 'File version; null for an image that no inventory has described.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.company IS 'Company of the version resource.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.stop_code IS 'As in the API, e.g. 0x76.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.stop_code_number IS 'The same as a number.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.crashes IS 'Crashes of machines that had it.';
COMMENT ON COLUMN reporting.driver_version_crashes_weekly.crashing_machines IS 'Machines that crashed while they had it. Not to be added up over weeks.';

CREATE VIEW reporting.verdicts AS
SELECT '0x' || to_hex(verdict.stop_code) AS stop_code, verdict.stop_code AS stop_code_number,
    coalesce(stop_code.name, 'UNKNOWN_BUGCHECK') AS stop_code_name, verdict.window_days, verdict.window_from, verdict.window_to,
    verdict.computed_at, verdict.body ->> 'verdict' AS verdict, (verdict.body ->> 'none_probability')::double precision AS none_probability,
    verdict.body ->> 'confirmed_by' AS confirmed_by, (verdict.body ->> 'crashes')::bigint AS crashes,
    (verdict.body ->> 'crashes_without_exposure')::bigint AS crashes_without_exposure,
    (verdict.body ->> 'crashing_machines')::bigint AS crashing_machines, (verdict.body ->> 'machine_days')::bigint AS machine_days
FROM verdict
LEFT JOIN stop_code ON stop_code.code = verdict.stop_code;

COMMENT ON COLUMN verdict.body IS 'The answer as the API gives it. Written and shown as it is; the views reporting.verdicts and reporting.suspects read it.';
COMMENT ON VIEW reporting.verdicts IS 'The latest verdict on each stop code.';
COMMENT ON COLUMN reporting.verdicts.stop_code IS 'As in the API, e.g. 0x76.';
COMMENT ON COLUMN reporting.verdicts.stop_code_number IS 'The same as a number.';
COMMENT ON COLUMN reporting.verdicts.stop_code_name IS 'Its name; UNKNOWN_BUGCHECK when nobody knows it.';
COMMENT ON COLUMN reporting.verdicts.window_days IS 'Length of the window in days.';
COMMENT ON COLUMN reporting.verdicts.window_from IS 'First day counted.';
COMMENT ON COLUMN reporting.verdicts.window_to IS 'Last day counted.';
COMMENT ON COLUMN reporting.verdicts.computed_at IS 'When the counts were taken.';
COMMENT ON COLUMN reporting.verdicts.verdict IS 'too-little-data, no-driver-explains-this, associated, suspect-set, likely-cause or confirmed.';
COMMENT ON COLUMN reporting.verdicts.none_probability IS 'Probability, 0 to 1, that no driver version explains the crashes.';
COMMENT ON COLUMN reporting.verdicts.confirmed_by IS 'What proved the first suspect guilty; null unless the verdict is confirmed.';
COMMENT ON COLUMN reporting.verdicts.crashes IS 'Crashes in the window that count.';
COMMENT ON COLUMN reporting.verdicts.crashes_without_exposure IS 'Those of them on days without presence, or of machines with unknown drivers; in no rate.';
COMMENT ON COLUMN reporting.verdicts.crashing_machines IS 'Machines that crashed in the window, with exposure.';
COMMENT ON COLUMN reporting.verdicts.machine_days IS 'Days on which machines were on, each until its first such crash. In machine-days.';

CREATE VIEW reporting.suspects AS
SELECT '0x' || to_hex(verdict.stop_code) AS stop_code, verdict.stop_code AS stop_code_number,
    coalesce(stop_code.name, 'UNKNOWN_BUGCHECK') AS stop_code_name, verdict.window_days, verdict.computed_at,
    verdict.body ->> 'verdict' AS verdict, (suspect.body ->> 'rank')::integer AS rank, suspect.body ->> 'scope' AS scope,
    drivers.drivers, drivers.versions, drivers.companies, (suspect.body ->> 'os_build')::integer AS os_build,
    (suspect.body ->> 'probability')::double precision AS probability, (suspect.body ->> 'in_credible_set')::boolean AS in_credible_set,
    (suspect.body ->> 'rate_ratio')::double precision AS rate_ratio, (suspect.body ->> 'rate_ratio_low')::double precision AS rate_ratio_low,
    (suspect.body ->> 'rate_ratio_high')::double precision AS rate_ratio_high, (suspect.body ->> 'ic025')::double precision AS ic025,
    (suspect.body ->> 'expected_machines')::double precision AS expected_machines,
    (suspect.body ->> 'crashing_machines')::bigint AS crashing_machines, (suspect.body ->> 'exposed_machines')::bigint AS exposed_machines,
    (suspect.body ->> 'machine_days')::bigint AS machine_days,
    (suspect.body ->> 'crashes_per_1000_machine_days')::double precision AS crashes_per_1000_machine_days,
    suspect.body #>> '{previous_version,version}' AS previous_version, suspect.body #>> '{safe_version,version}' AS safe_version
FROM verdict
LEFT JOIN stop_code ON stop_code.code = verdict.stop_code
CROSS JOIN LATERAL jsonb_array_elements(verdict.body -> 'suspects') AS suspect (body)
CROSS JOIN LATERAL (
    SELECT string_agg(driver.body ->> 'name', '; ' ORDER BY driver.place) AS drivers,
        string_agg(coalesce(driver.body ->> 'version', '?'), '; ' ORDER BY driver.place) AS versions,
        string_agg(coalesce(driver.body ->> 'company', '?'), '; ' ORDER BY driver.place) AS companies
    FROM jsonb_array_elements(suspect.body -> 'drivers') WITH ORDINALITY AS driver (body, place)
) AS drivers;

COMMENT ON VIEW reporting.suspects IS 'The suspects of each verdict, most suspicious first. It says "associated", never "causes", before a confirmation.';
COMMENT ON COLUMN reporting.suspects.stop_code IS 'As in the API, e.g. 0x76.';
COMMENT ON COLUMN reporting.suspects.stop_code_number IS 'The same as a number.';
COMMENT ON COLUMN reporting.suspects.stop_code_name IS 'Its name; UNKNOWN_BUGCHECK when nobody knows it.';
COMMENT ON COLUMN reporting.suspects.window_days IS 'Length of the window in days.';
COMMENT ON COLUMN reporting.suspects.computed_at IS 'When the counts were taken.';
COMMENT ON COLUMN reporting.suspects.verdict IS 'As in reporting.verdicts.';
COMMENT ON COLUMN reporting.suspects.rank IS '1 is the most suspicious.';
COMMENT ON COLUMN reporting.suspects.scope IS 'version, version-or-later or os-build.';
COMMENT ON COLUMN reporting.suspects.drivers IS 'Drivers, with semicolons between them: more than one means that the data cannot tell them apart.';
COMMENT ON COLUMN reporting.suspects.versions IS 'Their versions in the same order; a question mark where it is not known.';
COMMENT ON COLUMN reporting.suspects.companies IS 'Their companies in the same order.';
COMMENT ON COLUMN reporting.suspects.os_build IS 'The build of Windows that it is, or that cannot be told apart from its drivers.';
COMMENT ON COLUMN reporting.suspects.probability IS 'Posterior probability, 0 to 1.';
COMMENT ON COLUMN reporting.suspects.in_credible_set IS 'Whether it belongs to the 95 % credible set.';
COMMENT ON COLUMN reporting.suspects.rate_ratio IS 'Crash rate with it over the rate without, within models and weeks.';
COMMENT ON COLUMN reporting.suspects.rate_ratio_low IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN reporting.suspects.rate_ratio_high IS 'Upper end of its 95 % interval.';
COMMENT ON COLUMN reporting.suspects.ic025 IS 'Lower bound of the shrunk log2 ratio of observed to expected crashes; above 0 means associated.';
COMMENT ON COLUMN reporting.suspects.expected_machines IS 'Crashing machines expected if it played no part.';
COMMENT ON COLUMN reporting.suspects.crashing_machines IS 'Machines that crashed while they had it.';
COMMENT ON COLUMN reporting.suspects.exposed_machines IS 'Machines that had it.';
COMMENT ON COLUMN reporting.suspects.machine_days IS 'Days on which machines had it. In machine-days.';
COMMENT ON COLUMN reporting.suspects.crashes_per_1000_machine_days IS 'crashing_machines per 1,000 machine_days.';
COMMENT ON COLUMN reporting.suspects.previous_version IS 'The version of the same driver before it.';
COMMENT ON COLUMN reporting.suspects.safe_version IS 'The newest version of the same driver that is known to be quiet.';

CREATE VIEW reporting.missing_symbols AS
SELECT missing_symbol.name, missing_symbol.kind, missing_symbol.path, counted.crashes_ever, counted.machines_ever, counted.last_crashed_at
FROM (
    SELECT symbol.id, count(*) AS crashes_ever, max(crash.crashed_at) AS last_crashed_at,
        count(DISTINCT crash.machine_id) FILTER (WHERE crash.machine_id <> '00000000-0000-0000-0000-000000000000') AS machines_ever
    FROM crash
    CROSS JOIN LATERAL unnest(crash.missing_symbols) AS symbol (id)
    WHERE crash.missing_symbols IS NOT NULL
    GROUP BY symbol.id
) AS counted
JOIN missing_symbol ON missing_symbol.id = counted.id
WHERE NOT EXISTS (SELECT FROM symbol_file WHERE symbol_file.key = missing_symbol.key AND symbol_file.state = 'ready');

COMMENT ON VIEW reporting.missing_symbols IS 'Symbol files that crashes miss and that nobody uploaded.';
COMMENT ON COLUMN reporting.missing_symbols.name IS 'File name.';
COMMENT ON COLUMN reporting.missing_symbols.kind IS 'image or debug.';
COMMENT ON COLUMN reporting.missing_symbols.path IS 'Where a symbol server has it: name/id/name.';
COMMENT ON COLUMN reporting.missing_symbols.crashes_ever IS 'Crashes that miss it, whenever they were.';
COMMENT ON COLUMN reporting.missing_symbols.machines_ever IS 'Machines those are of.';
COMMENT ON COLUMN reporting.missing_symbols.last_crashed_at IS 'When the latest of them was.';

CREATE VIEW reporting.queue AS
SELECT kind, CASE state WHEN 0 THEN 'queued' WHEN 1 THEN 'running' ELSE 'failed' END AS state, count(*) AS jobs,
    min(created_at) AS oldest_created_at, extract(epoch FROM now() - min(created_at))::double precision AS oldest_age_seconds
FROM job
GROUP BY 1, 2;

COMMENT ON VIEW reporting.queue IS 'The queue by kind of job and state; what has no job has no row.';
COMMENT ON COLUMN reporting.queue.kind IS 'analyze, reanalyze, verdict, symbol or regroup.';
COMMENT ON COLUMN reporting.queue.state IS 'queued, running or failed (given up; somebody must look).';
COMMENT ON COLUMN reporting.queue.jobs IS 'Number of jobs.';
COMMENT ON COLUMN reporting.queue.oldest_created_at IS 'When the oldest of them was enqueued.';
COMMENT ON COLUMN reporting.queue.oldest_age_seconds IS 'How long ago that is, in seconds.';

CREATE VIEW reporting.dumps_daily AS
SELECT days.day, counted.format, counted.state, counted.dumps, counted.size_bytes
FROM (
    SELECT first_day + days_after AS day
    FROM (
        -- Dumps arrive in the order of their ids, which are UUIDs of version 7.
        SELECT (min(ends.received_at) AT TIME ZONE 'UTC')::date AS first_day, (max(ends.received_at) AT TIME ZONE 'UTC')::date AS last_day
        FROM (
            (SELECT received_at FROM dump ORDER BY id LIMIT 1)
            UNION ALL
            (SELECT received_at FROM dump ORDER BY id DESC LIMIT 1)
        ) AS ends
    ) AS span
    CROSS JOIN LATERAL generate_series(0, last_day - first_day) AS days_after
) AS days
CROSS JOIN LATERAL (
    SELECT dump.format, dump.state, count(*) AS dumps, sum(dump.size_bytes)::bigint AS size_bytes
    FROM dump
    WHERE dump.received_at >= days.day::timestamp AT TIME ZONE 'UTC'
        AND dump.received_at < (days.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY dump.format, dump.state
) AS counted;

COMMENT ON VIEW reporting.dumps_daily IS 'Dumps by the day (UTC) they were received on, format and state. Filter by day.';
COMMENT ON COLUMN reporting.dumps_daily.day IS 'The day, UTC.';
COMMENT ON COLUMN reporting.dumps_daily.format IS 'What the magic bytes say, e.g. kernel-triage.';
COMMENT ON COLUMN reporting.dumps_daily.state IS 'queued, done or failed.';
COMMENT ON COLUMN reporting.dumps_daily.dumps IS 'Number of dumps.';
COMMENT ON COLUMN reporting.dumps_daily.size_bytes IS 'Their inflated size together, in bytes.';

CREATE VIEW reporting.alerts AS
SELECT alert.id AS alert_id, alert.created_at, alert.kind, '0x' || to_hex(alert.stop_code) AS stop_code,
    alert.stop_code AS stop_code_number, coalesce(stop_code.name, 'UNKNOWN_BUGCHECK') AS stop_code_name
FROM alert
LEFT JOIN stop_code ON stop_code.code = alert.stop_code;

COMMENT ON VIEW reporting.alerts IS 'What was worth telling, e.g. for annotations. Filter by created_at.';
COMMENT ON COLUMN reporting.alerts.alert_id IS 'Its id.';
COMMENT ON COLUMN reporting.alerts.created_at IS 'When it was found.';
COMMENT ON COLUMN reporting.alerts.kind IS 'verdict (a verdict newly reached a word) or rate-jump (a stop code''s own rate rose).';
COMMENT ON COLUMN reporting.alerts.stop_code IS 'As in the API, e.g. 0x76.';
COMMENT ON COLUMN reporting.alerts.stop_code_number IS 'The same as a number.';
COMMENT ON COLUMN reporting.alerts.stop_code_name IS 'Its name; UNKNOWN_BUGCHECK when nobody knows it.';
