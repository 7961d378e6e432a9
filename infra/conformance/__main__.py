"""Hold our requests to Stripe and Bria, and what our sandbox answers, to the vendors' own packages.

python infra/conformance FOLDER     the folder of the sandbox's logs (SANDBOX_LOG)
python infra/conformance --cases    the checker's own cases
"""

import sys
from pathlib import Path

import cases
import check

SHOWN_MAX = 5


def main() -> None:
    """Reads the command line, prints what is wrong and how many cases there are."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = cases.run() if sys.argv[1] == "--cases" else check.check(Path(sys.argv[1]))
    failed = {name: sorted(set(wrong)) for name, wrong in found.items() if wrong}
    for name, wrong in sorted(failed.items()):
        print(f"{name}\n" + "".join(f"    {line}\n" for line in wrong[:SHOWN_MAX]), end="")
        if len(wrong) > SHOWN_MAX:
            print(f"    and {len(wrong) - SHOWN_MAX} more")
    print(f"{len(found) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed or not found else 0)


if __name__ == "__main__":
    main()
