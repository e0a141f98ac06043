-- Crashes by file and stop code: few rows, whatever the number of crashes.
WITH missed AS MATERIALIZED (
    SELECT symbol.id, stop_code, count(*) AS crashes_ever,
        count(*) FILTER (WHERE crashed_at >= $1 AND crashed_at < $2) AS crashes
    FROM crash
    CROSS JOIN LATERAL unnest(missing_symbols) AS symbol (id)
    WHERE missing_symbols IS NOT NULL
    GROUP BY symbol.id, stop_code
),
by_file AS (
    SELECT id, sum(crashes)::bigint AS crashes, sum(crashes_ever)::bigint AS crashes_ever
    FROM missed
    GROUP BY id
),
page AS MATERIALIZED (
    SELECT by_file.*, missing_symbol.key, missing_symbol.kind, missing_symbol.name, missing_symbol.path
    FROM by_file
    JOIN missing_symbol ON missing_symbol.id = by_file.id
    WHERE ($3::bigint IS NULL
            OR (-by_file.crashes, -by_file.crashes_ever, by_file.id) > (-$3::bigint, -$4::bigint, $5::integer))
        AND NOT EXISTS (
            SELECT FROM symbol_file WHERE symbol_file.key = missing_symbol.key AND symbol_file.state = 'ready'
        )
    ORDER BY by_file.crashes DESC, by_file.crashes_ever DESC, by_file.id
    LIMIT $6
),
-- Machines are told apart for the page's files only: that needs a row per file and machine.
by_machine AS (
    SELECT page.id, machine_id, bool_or(crashed_at >= $1 AND crashed_at < $2) AS is_recent
    FROM crash
    CROSS JOIN LATERAL unnest(missing_symbols) AS symbol (id)
    JOIN page ON page.id = symbol.id
    WHERE missing_symbols IS NOT NULL AND machine_id <> '00000000-0000-0000-0000-000000000000'
    GROUP BY page.id, machine_id
),
machines AS (
    SELECT id, count(*) AS machines_ever, count(*) FILTER (WHERE is_recent) AS machines
    FROM by_machine
    GROUP BY id
)
SELECT page.id AS "id!", page.kind AS "kind!", page.name AS "name!", page.path AS "path!", page.crashes AS "crashes!",
    coalesce(machines.machines, 0) AS "machines!", page.crashes_ever AS "crashes_ever!",
    coalesce(machines.machines_ever, 0) AS "machines_ever!",
    ARRAY(
        SELECT stop_code FROM missed WHERE missed.id = page.id AND stop_code IS NOT NULL
        ORDER BY missed.crashes_ever DESC, stop_code LIMIT 3
    ) AS "stop_codes!",
    ARRAY(
        SELECT crashes_ever FROM missed WHERE missed.id = page.id AND stop_code IS NOT NULL
        ORDER BY missed.crashes_ever DESC, stop_code LIMIT 3
    ) AS "stop_code_crashes!",
    (SELECT max(symbol_file.state) FROM symbol_file WHERE symbol_file.key = page.key) AS uploaded
FROM page
LEFT JOIN machines ON machines.id = page.id
ORDER BY page.crashes DESC, page.crashes_ever DESC, page.id
