#!/usr/bin/env bash
# Runs a test program as a user who may not write everywhere: what root skips. 77: not possible here.
#   run.sh PROGRAM ARGS…
set -euo pipefail

if [[ $(id -u) -ne 0 ]]; then exec "$@"; fi
as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp)
if ! "${as_nobody[@]}" test -x "$1"; then
  echo "SKIPPED: nobody may not reach $1, so what only an unprivileged user sees is not tested"
  exit 77
fi
exec "${as_nobody[@]}" "$@"
