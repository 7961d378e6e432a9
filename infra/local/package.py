"""Pack every binary that template.yaml names into `.local/lambda/NAME/bootstrap.zip`.

The archives are deterministic: the same binary gives the same bytes, so that a deployment sees a
change only where there is one. A binary whose size and time are as they were is not read again.
"""

import argparse
import re
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CODE_URI = re.compile(r"^\s*CodeUri: (\.local/lambda/([a-z-]+)/bootstrap\.zip)$", re.MULTILINE)
MADE_AT = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip entry can carry: archives do not remember when they were made."""
EXECUTABLE = 0o100755 << 16


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binaries", type=Path, help="folder with the compiled binaries")
    parser.add_argument("--level", type=int, default=1, help="1 packs fast, 9 packs small")
    args = parser.parse_args()
    wanted = CODE_URI.findall(Path("template.yaml").read_text())
    missing = [name for _, name in wanted if not built(args.binaries, name).is_file()]
    if missing:
        sys.exit(f"template.yaml names binaries that were not built: {', '.join(missing)}")
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(pack, built(args.binaries, name), Path(archive), args.level)
            for archive, name in wanted
        ]
    written = sum(job.result() for job in jobs)
    print(f"{written} of {len(wanted)} archives written")


def built(binaries: Path, name: str) -> Path:
    """The binary in cargo's layout, or in that of cargo-lambda, where each has its folder."""
    in_folder = binaries / name / "bootstrap"
    return in_folder if in_folder.is_file() else binaries / name


def pack(binary: Path, archive: Path, level: int) -> bool:
    """Writes `archive` if the binary is not the one it was made of; tells whether it did."""
    facts = binary.stat()
    stamp_file = archive.with_suffix(".stamp")
    stamp = f"{binary.absolute()} {facts.st_size} {facts.st_mtime_ns} {level}"
    if archive.is_file() and stamp_file.is_file() and stamp_file.read_text() == stamp:
        return False
    archive.parent.mkdir(parents=True, exist_ok=True)
    entry = zipfile.ZipInfo("bootstrap", MADE_AT)
    entry.external_attr = EXECUTABLE
    entry.compress_type = zipfile.ZIP_DEFLATED
    draft = archive.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w", compresslevel=level) as file:
        file.writestr(entry, binary.read_bytes(), compresslevel=level)
    draft.replace(archive)
    stamp_file.write_text(stamp)
    return True


if __name__ == "__main__":
    main()
