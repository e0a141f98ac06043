-- One row per file, machine and stop code: far fewer than crashes.
WITH missed AS (
    SELECT symbol.id, machine_id, stop_code, count(*) AS crashes_ever,
        count(*) FILTER (WHERE crashed_at >= $1 AND crashed_at < $2) AS crashes
    FROM crash
    CROSS JOIN LATERAL unnest(missing_symbols) AS symbol (id)
    WHERE missing_symbols IS NOT NULL
    GROUP BY symbol.id, machine_id, stop_code
),
by_file AS (
    SELECT id, sum(crashes)::bigint AS crashes, sum(crashes_ever)::bigint AS crashes_ever,
        count(DISTINCT machine_id) FILTER (
            WHERE crashes > 0 AND machine_id <> '00000000-0000-0000-0000-000000000000'
        ) AS machines,
        count(DISTINCT machine_id) FILTER (
            WHERE machine_id <> '00000000-0000-0000-0000-000000000000'
        ) AS machines_ever
    FROM missed
    GROUP BY id
),
by_stop_code AS (
    SELECT id, stop_code, sum(crashes_ever)::bigint AS crashes
    FROM missed
    WHERE stop_code IS NOT NULL
    GROUP BY id, stop_code
),
page AS (
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
)
SELECT page.id AS "id!", page.kind AS "kind!", page.name AS "name!", page.path AS "path!", page.crashes AS "crashes!",
    page.machines AS "machines!", page.crashes_ever AS "crashes_ever!", page.machines_ever AS "machines_ever!",
    ARRAY(
        SELECT by_stop_code.stop_code FROM by_stop_code WHERE by_stop_code.id = page.id
        ORDER BY by_stop_code.crashes DESC, by_stop_code.stop_code LIMIT 3
    ) AS "stop_codes!",
    ARRAY(
        SELECT by_stop_code.crashes FROM by_stop_code WHERE by_stop_code.id = page.id
        ORDER BY by_stop_code.crashes DESC, by_stop_code.stop_code LIMIT 3
    ) AS "stop_code_crashes!",
    (SELECT max(symbol_file.state) FROM symbol_file WHERE symbol_file.key = page.key) AS uploaded
FROM page
ORDER BY page.crashes DESC, page.crashes_ever DESC, page.id
