"""Put deliberate bugs into the code, one at a time, and see that the simulator finds each.

    python3 shared/simulator/bugs.py [--seeds N] [--check] [NAME ...]

The bugs are those of bug_list.py, or the named ones of them. Each is built in a git worktree of HEAD
at .local/bugs/tree, and searched for in the worlds of N seeds. The search ends with the first world
that fails: it is not shrunk. What was built and what was found is in .local/bugs/NAME.log. With
--check nothing is built: it only holds the list to the files of this clone.

It builds where all scripts do: nothing else may build there meanwhile. A CARGO_TARGET_DIR of its
own costs one whole build.
"""

import argparse
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bug_list import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".local/bugs"
TREE = WORK / "tree"
SEEDS = 1_000
"""A bug that one world in a hundred meets is then missed once in twenty thousand times."""
SEARCH_S = 60 * 60
"""The longest search. A bug may also be a world that never ends."""
BUILD = "cargo build --locked --workspace --features testing/e2e --bin simulate".split()
"""As scripts/simulate builds it."""
FAILS = re.compile(r"seed (\d+) fails: ")
"""What shared/simulator/src/bin/simulate.rs prints first about a failure."""
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Outcome:
    """What became of a bug."""

    is_found: bool
    text: str


def main() -> None:
    """Checks the list or searches for its bugs, and fails if anything is wrong or is not found."""
    arguments = arguments_of(sys.argv[1:])
    end_with(faults(BUGS, ROOT))
    if arguments.check:
        print(f"{len(BUGS)} bugs fit the code")
        return
    wanted = named(arguments.names)
    target = target_folder()
    make_tree()
    # The list of this clone may be ahead of its HEAD.
    end_with(faults(wanted, TREE))
    width = max(len(bug.name) for bug in wanted)
    found = 0
    for bug in wanted:
        outcome = outcome_of(bug, arguments.seeds, target)
        found += outcome.is_found
        print(f"{bug.name:<{width}}  {outcome.text}", flush=True)
    print(f"\n{found} of {len(wanted)} bugs were found")
    sys.exit(0 if found == len(wanted) else 1)


def arguments_of(words: list[str]) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N")
    parser.add_argument("--check", action="store_true")
    return parser.parse_args(words)


def named(names: list[str]) -> list[Bug]:
    """The bugs with these names, in the order of the list; all of them without names."""
    for name in names:
        if all(bug.name != name for bug in BUGS):
            sys.exit(f"{name} is none of the bugs")
    return [bug for bug in BUGS if not names or bug.name in names]


def faults(bugs: list[Bug], root: Path) -> list[str]:
    """Why bugs do not fit the code below a folder, a line for each."""
    names = Counter(bug.name for bug in bugs)
    lines = [f"{name}: {times} bugs have this name" for name, times in names.items() if times > 1]
    for bug in bugs:
        if not KEBAB.fullmatch(bug.name):
            lines.append(f"{bug.name}: a name is of small letters, digits and hyphens")
        if not bug.old or bug.old == bug.new:
            lines.append(f"{bug.name}: it changes nothing")
            continue
        file = root / bug.file
        if not file.is_file():
            lines.append(f"{bug.name}: there is no {bug.file}")
        elif (count := file.read_text().count(bug.old)) != 1:
            lines.append(f"{bug.name}: its old text occurs {count} times in {bug.file}")
    return lines


def end_with(lines: list[str]) -> None:
    """Ends the program with these lines, if there are any."""
    if lines:
        sys.exit("\n".join(lines))


def target_folder() -> Path:
    """Where cargo builds: as scripts/steps.sh sets it."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("CARGO_TARGET_DIR") or Path(cache, "prolight/target")).resolve()


def make_tree() -> None:
    """Makes the worktree of HEAD, or resets the one that is there."""
    head = git(ROOT, "rev-parse", "HEAD")
    git(ROOT, "worktree", "prune")
    # Without a `.git` of its own, a reset in this folder would be one of the clone around it.
    if (TREE / ".git").is_file():
        git(TREE, "reset", "--hard", "--quiet", head)
        git(TREE, "clean", "-d", "--force", "--quiet")
    else:
        WORK.mkdir(parents=True, exist_ok=True)
        git(ROOT, "worktree", "add", "--detach", "--quiet", str(TREE), head)


def git(folder: Path, *words: str) -> str:
    """What git answers; it ends the program if it refuses."""
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def take_over(target: Path) -> None:
    """Makes cargo see the worktree's code, where another clone built last in this folder.

    Cargo distinguishes the crates of clones only by modification time: see scripts/steps.sh, which
    does the same for the other clones.
    """
    last = target / "clone"
    if last.is_file() and last.read_text().strip() == str(TREE):
        return
    for folder in ("functions", "shared"):
        for source in (TREE / folder).rglob("*.rs"):
            source.touch()
    target.mkdir(parents=True, exist_ok=True)
    last.write_text(f"{TREE}\n")


def outcome_of(bug: Bug, seeds: int, target: Path) -> Outcome:
    """Builds the code with a bug and searches for it. The worktree is as it was after that."""
    take_over(target)
    file = TREE / bug.file
    before = file.read_text()
    file.write_text(before.replace(bug.old, bug.new))
    try:
        if not builds(bug, target):
            return Outcome(False, f"does not compile: {shown(bug)}")
        return search(bug, seeds, target)
    finally:
        file.write_text(before)


def builds(bug: Bug, target: Path) -> bool:
    """Whether the worktree compiles."""
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)}
    with log_of(bug).open("w") as log:
        done = subprocess.run(
            BUILD,
            cwd=TREE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return done.returncode == 0


def search(bug: Bug, seeds: int, target: Path) -> Outcome:
    """Runs the simulator until a world fails. What fails without a seed is not found."""
    began = time.monotonic()
    seed, status = first_failure(bug, seeds, target)
    if seed is not None:
        return Outcome(True, f"found at seed {seed} in {time.monotonic() - began:.0f} s")
    if status == 0:
        return Outcome(False, f"not found in {seeds} seeds")
    return Outcome(False, f"ended with {status} and no seed: {shown(bug)}")


def first_failure(bug: Bug, seeds: int, target: Path) -> tuple[int | None, int]:
    """The seed that fails first, and otherwise how the simulator ended."""
    seed = None
    process = subprocess.Popen(
        [target / "debug/simulate", "--seeds", str(seeds)],
        cwd=TREE,
        env=os.environ | {"RUST_MIN_STACK": "4194304"} | one_root(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    limit = threading.Timer(SEARCH_S, process.kill)
    limit.start()
    try:
        with log_of(bug).open("a") as log:
            for line in process.stdout or []:
                # Functions write their metrics to the same place.
                if line.startswith("{"):
                    continue
                log.write(line)
                if match := FAILS.match(line):
                    seed = int(match[1])
                # Behind the failure is an empty line, and behind that it is shrunk, for minutes.
                elif seed is not None and not line.strip():
                    break
        if seed is not None:
            process.kill()
        return seed, process.wait()
    finally:
        limit.cancel()
        process.kill()
        process.wait()


def one_root() -> dict[str, str]:
    """The variables of one root certificate, if scripts/simulate has left it: all take a while."""
    roots = ROOT / ".local/roots"
    if not (roots / "one.pem").is_file():
        return {}
    return {"SSL_CERT_FILE": str(roots / "one.pem"), "SSL_CERT_DIR": str(roots / "none")}


def log_of(bug: Bug) -> Path:
    """Where a bug's build and search are written."""
    return WORK / f"{bug.name}.log"


def shown(bug: Bug) -> Path:
    """The path of a log, from the clone on."""
    return log_of(bug).relative_to(ROOT)


if __name__ == "__main__":
    main()
