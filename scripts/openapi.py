"""Write the description of the annotation server's HTTP API, from which the web client's types are made.

usage: python scripts/openapi.py [--check]

Writes `web/openapi.json`. With `--check` nothing is written, and the status is 1 where it is out of date.
"""

import argparse
import json
import sys
from pathlib import Path

from damer.annotation.server.app import openapi

TARGET = Path(__file__).parents[1] / "web" / "openapi.json"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, say whether it is out of date")
    check = parser.parse_args().check
    text = json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n"
    current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if check and text != current:
        print(f"{TARGET}: is out of date; run `python scripts/openapi.py`", file=sys.stderr)
        return 1
    if not check:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
