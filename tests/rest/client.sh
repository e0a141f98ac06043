#!/usr/bin/env bash
# Makes a Python client from a server's OpenAPI document and uses it: client.sh VENV URL FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$1 url=$2 folder=$3
export PATH="$venv/bin:$PATH"
openapi-python-client generate --url "$url/openapi.json" --output-path "$folder/stopcode_client" --meta none --overwrite \
  --config "$here/client.yaml"
PYTHONPATH=$folder python "$here/use_client.py" "$url"
