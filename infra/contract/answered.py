"""Hold the codes that endpoints declare to those that tests were answered with.

    python infra/contract/answered.py FOLDER

FOLDER is where the tests recorded every answer (`PROLIGHT_RECORD`). A code that no test ever gets is
either no code of that endpoint, or not tested. The opposite, an answer with a code that is not
declared, fails the test that gets it.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

DOCUMENT = Path("shared/contract/openapi.json")


def main() -> None:
    """Prints each code that was declared and not answered, and fails if there is one."""
    answered: defaultdict[str, set[str]] = defaultdict(set)
    for line in Path(sys.argv[1], "answered.txt").read_text().splitlines():
        operation, _, code = line.split(" ")
        answered[operation].add(code)
    declared = {
        operation["operationId"]: set(operation["x-errors"])
        for path in json.loads(DOCUMENT.read_text())["paths"].values()
        for method, operation in path.items()
        if method != "head"
    }
    silent = {name: codes - answered[name] for name, codes in declared.items()}
    for name, codes in sorted(silent.items()):
        for code in sorted(codes):
            print(f"{name}: no test was answered with {code}")
    count = sum(map(len, declared.values()))
    missing = sum(map(len, silent.values()))
    print(f"{count - missing} of {count} declared codes were answered")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
