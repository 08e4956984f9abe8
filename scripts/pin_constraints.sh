#!/usr/bin/env bash
# Write constraints.txt: the exact version of every package, resolved anew in an empty environment.
# usage: scripts/pin_constraints.sh [PYTHON]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${1:-python3.11}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq torch==2.13.0 -e '.[dev,docs,demucs]'
{
  echo "# Every package of the runtime, development and documentation environments, pinned."
  echo "# Made by 'make constraints'; do not edit by hand."
  # A local label such as +cpu names one build of a version; the pin is the version.
  "$folder/venv/bin/python" -m pip freeze --all --exclude-editable --exclude pip | sed 's/+[a-z0-9.]*$//'
} >"$folder/constraints.txt"
mv "$folder/constraints.txt" constraints.txt
