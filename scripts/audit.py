"""Look up known vulnerabilities of everything that constraints.txt and web/package-lock.json pin.

usage: python scripts/audit.py

Asks PyPI (pip-audit) and the npm registry (npm audit). Status 1 when one knows of a vulnerability; each is
named with the version that mends it. Where a registry does not answer, one line says so and the status stays
0: what was not looked up is told, never taken for safe.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 300


def main() -> int:
    found = [*python_packages(), *web_packages()]
    for line in found:
        print(f"audit: {line}", file=sys.stderr)
    return 1 if found else 0


def python_packages() -> Iterator[str]:
    """Yield a line for each known vulnerability of a pinned Python package."""
    answer = asked([sys.executable, "-m", "pip_audit", "-r", "constraints.txt", "--no-deps", "--disable-pip",
                    "--progress-spinner", "off", "--format", "json"], ROOT)  # fmt: skip
    packages = answer.get("dependencies", [])
    looked_up = [one for one in packages if "skip_reason" not in one]
    say("Python", len(looked_up), len(packages))
    for package in looked_up:
        for problem in package["vulns"]:
            mended = ", ".join(problem["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {problem['id']}, mended in {mended}"


def web_packages() -> Iterator[str]:
    """Yield a line for each known vulnerability of what the pages are built from."""
    npm = shutil.which("npm")
    answer = asked([npm, "audit", "--json"], ROOT / "web") if npm else {}
    known = "vulnerabilities" in answer
    total = answer.get("metadata", {}).get("dependencies", {}).get("total", 0)
    say("npm", total if known else 0, total)
    for name, problem in answer.get("vulnerabilities", {}).items():
        mended = "npm audit fix mends it" if problem.get("fixAvailable") else "no version mends it yet"
        yield f"{name} {problem.get('range', '')}: {problem.get('severity', '')}, {mended}"


def asked(command: list[str], folder: Path) -> dict[str, Any]:
    """Return what a program answers as JSON; nothing where it answers nothing that can be read."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
        answer = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return answer if isinstance(answer, dict) else {}


def say(what: str, looked_up: int, pinned: int) -> None:
    if looked_up:
        print(f"audit: {looked_up} of {pinned} {what} packages looked up")
    else:
        print(f"audit: {what} packages could not be looked up: their registry does not answer here")


if __name__ == "__main__":
    sys.exit(main())
