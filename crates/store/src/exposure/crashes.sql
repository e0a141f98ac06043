-- A crash on a day without presence, or with unknown drivers, has no presence row here.
SELECT crash.machine_id AS "machine_id!", crash.crashed_at AS "crashed_at!", crash.id AS "crash_id!",
    crash.stop_code AS "stop_code!", crash.driver_set_id AS "own_set?", presence.driver_set_id AS "day_set?", presence.model_id AS "model_id?",
    presence.week AS "week?", presence.os_build AS "day_build?", told.driver_set_id AS "told_set?",
    nullif(machine.site, '') AS "site?", CASE crash.source WHEN 'dump' THEN crash.os_build END AS "own_build?",
    -- History tells what was on the stack of a dump that somebody else read.
    CASE crash.source
        WHEN 'dump' THEN true
        WHEN 'import' THEN coalesce(crash.report -> 'frames', '[]') <> '[]'
        ELSE false
    END AS "was_read!"
FROM crash
LEFT JOIN presence
    ON presence.machine_id = crash.machine_id
    AND presence.week = date_trunc('week', crash.crashed_at AT TIME ZONE 'UTC')::date
    AND presence.driver_set_id <> $4
    AND presence.days & (1 << (extract(isodow FROM crash.crashed_at AT TIME ZONE 'UTC')::integer - 1)) <> 0
LEFT JOIN machine ON machine.machine_id = crash.machine_id
LEFT JOIN LATERAL (
    SELECT inventory.driver_set_id
    FROM inventory
    WHERE inventory.machine_id = crash.machine_id AND inventory.at <= crash.crashed_at
    ORDER BY inventory.at DESC
    LIMIT 1
) AS told ON true
WHERE crash.kind = 'kernel'
  AND crash.counts
  AND crash.crashed_at >= $2
  AND crash.crashed_at < $3
  AND ($1::bigint IS NULL OR crash.stop_code = $1)
  AND crash.stop_code IS NOT NULL
ORDER BY crash.machine_id, crash.crashed_at
