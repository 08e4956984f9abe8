#!/usr/bin/env bash
# Install the Debian packages that some tests and the rendering of MIDI use, and only those that are missing.
# Where they cannot be installed (another system, no root), say what to install and carry on: the tests that
# need them are skipped by name, and `damer predict` needs none of them.
set -euo pipefail

missing=()
need() { # need COMMAND-OR-FILE PACKAGE
  command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || missing+=("$2")
}
need ffmpeg ffmpeg
need fpcalc libchromaprint-tools
need fluidsynth fluidsynth
need /usr/share/sounds/sf2/FluidR3_GM.sf2 fluid-soundfont-gm
need chromium chromium               # the tests of the annotation pages in a real browser
need /usr/lib/postgresql postgresql  # the tests of the annotation server on a database of a team
# A database server of the tests' own; Debian keeps its programs in a folder of the version.
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || need initdb postgresql

[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  else
    as_root=(false)
  fi
fi
if command -v apt-get >/dev/null 2>&1 && [ "${as_root[*]:-}" != false ]; then
  echo "installing system packages: ${missing[*]}"
  apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
  log=$(mktemp)
  if { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    rm -f "$log"
    exit 0
  fi
  tail -n 5 "$log" >&2
  rm -f "$log"
fi
echo "These are missing and could not be installed: ${missing[*]}." >&2
echo "Tests that need them are skipped; on Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
