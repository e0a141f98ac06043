-- Crashes as they are told.
WITH told AS (
    SELECT *
    FROM unnest(
        $1::uuid[], $2::timestamptz[], $3::uuid[], $4::boolean[], $5::bigint[], $6::jsonb[], $7::text[], $8::text[],
        $9::jsonb[]
    ) AS told (machine_id, crashed_at, id, counts, stop_code, parameters, process, signature, report)
)
INSERT INTO crash (
    machine_id, crashed_at, id, source, kind, counts, stop_code, raw_code, parameters, process, os_build, model_id,
    signature, received_at, report
)
SELECT told.machine_id, told.crashed_at, told.id, 'import', 'kernel', told.counts, told.stop_code, told.stop_code,
    ARRAY(SELECT jsonb_array_elements_text(told.parameters)::bigint), told.process, machine.os_build,
    machine.model_id, told.signature, $10::timestamptz, told.report
FROM told
JOIN machine USING (machine_id)
-- A crash that is known from its dump, its event or an earlier import adds nothing.
WHERE NOT EXISTS (
    SELECT
    FROM crash AS known
    WHERE known.machine_id = told.machine_id
      AND known.crashed_at BETWEEN told.crashed_at - interval '10 minutes' AND told.crashed_at + interval '10 minutes'
      AND known.stop_code = told.stop_code
)
RETURNING id
