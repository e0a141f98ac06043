#!/usr/bin/env bash
# Holds a real server to its own OpenAPI document, proves that a client made from the document works, and signs people in
# by an OpenID Connect provider of another maker.
#
#   tests/rest/run.sh PROGRAM [DATA-DIR]
#
# PROGRAM is a built `stopcode`. DATA-DIR is the data of a fleet that `stopcode demo --once` has played; without it a
# small one is played first. The data is written to: tokens are made, dumps uploaded, files deleted.
#
# Needs Python 3.10 or newer with venv; what else it needs is installed from PyPI into a temporary folder, or into
# $STOPCODE_REST_VENV, which is kept for the next time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$1
work=$(mktemp -d)
chmod 711 "$work"
server=
provider=
cleanup() {
  local child
  for child in $server $provider; do kill "$child" 2>/dev/null || true; wait "$child" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

venv=${STOPCODE_REST_VENV:-$work/venv}
if ! [ -x "$venv/bin/schemathesis" ] || ! [ -x "$venv/bin/oidc-provider-mock" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
fi

data=${2:-$work/data}
if [ $# -lt 2 ]; then "$program" demo --machines 100 --once --data-dir "$data" >/dev/null; fi

port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
issuer=http://localhost:$port
"$venv/bin/oidc-provider-mock" --port "$port" --require-nonce \
  --user-claims '{"sub": "ada", "email": "ada@example.com", "groups": ["it"]}' \
  --user-claims '{"sub": "eve", "email": "eve@example.com", "groups": ["sales"]}' >"$work/provider" 2>&1 &
provider=$!
for _ in $(seq 100); do
  if "$venv/bin/python" -c "import httpx; httpx.get('$issuer/jwks')" 2>/dev/null; then break; fi
  sleep 0.1
done

export STOPCODE_TOKEN="an-admin-token-for-this-run-only-$RANDOM$RANDOM$RANDOM"
# Wrong tokens are shown on purpose, and by hundreds.
STOPCODE_ADMIN_TOKEN=$STOPCODE_TOKEN "$program" serve --listen 127.0.0.1:0 --data-dir "$data" \
  --reads-per-minute 1000000 --guesses-per-minute 0 \
  --oidc-issuer "$issuer" --oidc-client-id stopcode --oidc-client-secret "a secret" --oidc-name "the mock" \
  --oidc-role it=read >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 300); do
  url=$(sed -n 's/^Stopcode is ready at //p' "$work/out")
  if [ -n "$url" ]; then break; fi
  kill -0 "$server" || { cat "$work/log"; exit 1; }
  sleep 0.2
done
[ -n "$url" ] || { cat "$work/log"; exit 1; }

echo "--- the document and its examples"
"$venv/bin/python" "$here/examples.py" "$url"

echo "--- a client made from the document"
"$here/client.sh" "$venv" "$url" "$work"

echo "--- sign-in by an OpenID Connect provider"
"$venv/bin/python" "$here/sign_in.py" "$url" "$issuer" || { cat "$work/provider"; grep provider "$work/log"; exit 1; }

echo "--- every address against the document"
# One that may be revoked: the token that all requests are made with must not be.
"$program" token create --scope read --name spare --data-dir "$data" >/dev/null
STOPCODE_SPARE_TOKEN=$("$program" token list --data-dir "$data" | awk '$NF == "spare" { print $1; exit }')
export STOPCODE_SPARE_TOKEN SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$here
(cd "$work" && "$venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run "$url/openapi.json") || {
  grep -E 'ERROR|panicked' "$work/log" | tail -20
  exit 1
}
if grep -E 'panicked|request failed' "$work/log"; then
  echo "the server failed at something, see above"
  exit 1
fi
