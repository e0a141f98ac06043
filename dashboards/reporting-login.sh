#!/bin/sh
# Makes or updates a login that may read the views of the schema reporting, and nothing else. Run with psql's variables
# (PGHOST, PGUSER, PGPASSWORD, PGDATABASE) of the owner of the database.
#
#   REPORTING_LOGIN     its name, stopcode_grafana unless set
#   REPORTING_PASSWORD  its password
set -eu
login=${REPORTING_LOGIN:-stopcode_grafana}
if [ -z "${REPORTING_PASSWORD:-}" ]; then
  echo "set REPORTING_PASSWORD: the login $login needs a password" >&2
  exit 1
fi

# The server makes the role when it starts.
tries=60
until [ "$(psql -Atc "SELECT to_regclass('reporting.crashes') IS NOT NULL AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'stopcode_reporting')" 2>&1)" = t ]; do
  tries=$((tries - 1))
  if [ "$tries" = 0 ]; then
    echo "the schema reporting or the role stopcode_reporting is not there after two minutes" >&2
    exit 1
  fi
  sleep 2
done

# Read-only and cut off after a minute, so that a dashboard can do no harm even by mistake. Without just-in-time compilation,
# which takes longer than most of these queries.
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set login="$login" <<'SQL'
\getenv password REPORTING_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', :'login')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'login') \gexec
ALTER ROLE :"login" LOGIN PASSWORD :'password' CONNECTION LIMIT 16;
GRANT stopcode_reporting TO :"login";
ALTER ROLE :"login" SET default_transaction_read_only = on;
ALTER ROLE :"login" SET statement_timeout = '60s';
ALTER ROLE :"login" SET jit = off;
ALTER ROLE :"login" SET search_path = reporting;
SQL
echo "the login $login may read the schema reporting"
