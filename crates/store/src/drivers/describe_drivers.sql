-- Drivers as they are told, by name.
WITH told AS (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
        AS told (name, company, class, description, product, signer)
),
-- Known drivers of which something is told for the first time.
completed AS (
    UPDATE driver
    SET company = coalesce(driver.company, told.company),
        class = coalesce(driver.class, told.class),
        description = coalesce(driver.description, told.description),
        product = coalesce(driver.product, told.product),
        signer = coalesce(driver.signer, told.signer)
    FROM told
    WHERE driver.name = told.name
      AND (
          (driver.company IS NULL AND told.company IS NOT NULL)
          OR (driver.class IS NULL AND told.class IS NOT NULL)
          OR (driver.description IS NULL AND told.description IS NOT NULL)
          OR (driver.product IS NULL AND told.product IS NOT NULL)
          OR (driver.signer IS NULL AND told.signer IS NOT NULL)
      )
)
INSERT INTO driver (name, company, class, description, product, signer)
SELECT told.*
FROM told
WHERE NOT EXISTS (SELECT FROM driver AS known WHERE known.name = told.name)
ORDER BY told.name
ON CONFLICT (name) DO NOTHING
