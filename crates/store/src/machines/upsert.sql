INSERT INTO machine AS known (
    machine_id, name, host_name, manufacturer, model, bios_version, os_build, architecture, site, ring,
    first_seen_at, last_seen_at
)
SELECT told.*, $11::timestamptz, $11::timestamptz
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::text[],
    $10::text[]
) AS told
ON CONFLICT (machine_id) DO UPDATE
SET host_name = coalesce(excluded.host_name, known.host_name),
    manufacturer = coalesce(excluded.manufacturer, known.manufacturer),
    model = coalesce(excluded.model, known.model),
    bios_version = coalesce(excluded.bios_version, known.bios_version),
    os_build = coalesce(excluded.os_build, known.os_build),
    architecture = coalesce(excluded.architecture, known.architecture),
    site = coalesce(excluded.site, known.site),
    ring = coalesce(excluded.ring, known.ring),
    last_seen_at = greatest(excluded.last_seen_at, known.last_seen_at)
-- A row is written only for news, or once a minute.
WHERE known.last_seen_at < excluded.last_seen_at - interval '1 minute'
   OR (excluded.host_name IS NOT NULL AND known.host_name IS DISTINCT FROM excluded.host_name)
   OR (excluded.manufacturer IS NOT NULL AND known.manufacturer IS DISTINCT FROM excluded.manufacturer)
   OR (excluded.model IS NOT NULL AND known.model IS DISTINCT FROM excluded.model)
   OR (excluded.bios_version IS NOT NULL AND known.bios_version IS DISTINCT FROM excluded.bios_version)
   OR (excluded.os_build IS NOT NULL AND known.os_build IS DISTINCT FROM excluded.os_build)
   OR (excluded.architecture IS NOT NULL AND known.architecture IS DISTINCT FROM excluded.architecture)
   OR (excluded.site IS NOT NULL AND known.site IS DISTINCT FROM excluded.site)
   OR (excluded.ring IS NOT NULL AND known.ring IS DISTINCT FROM excluded.ring)
