"""Write what a deployment is made of as a CycloneDX bill of materials.

What every function links is read from `cargo metadata` and Cargo.lock, for the platform it is built
for: no tests, no tools. The same commit gives the same bytes. The bill is held to the schema of the
standard before it is written.
"""

import argparse
import importlib.metadata
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import boto3
import deployed
import tomlkit
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

PLATFORM = "aarch64-unknown-linux-gnu"
FUNCTIONS = "functions"
"""The folder of the crates that are deployed."""


def main() -> None:
    """Reads the command line, writes the file, and prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--store", metavar="ENV", help="store the file")
    args = parser.parse_args()
    file: Path = args.file
    if args.store:
        store(args.store, file)
        return
    bill = bill_of(metadata(), checksums(), commit())
    if wrong := [f"{error.json_path}: {error.message}" for error in schema().iter_errors(bill)]:
        sys.exit("\n".join(wrong))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    print(f"{file}: {len(bill['components'])} components")


def store(environment: str, file: Path) -> None:
    """Stores a bill in the bucket of records, and prints the address of the API."""
    bill, outputs = json.loads(file.read_text()), deployed.outputs(environment)
    boto3.client("s3", deployed.region(environment)).put_object(
        Bucket=outputs["RecordsBucket"],
        Key=f"bills/{bill['metadata']['component']['version']}.cdx.json",
        Body=file.read_bytes(),
        ContentType="application/vnd.cyclonedx+json",
        ChecksumAlgorithm="SHA256",
    )
    print(outputs["ApiUrl"])


def metadata() -> dict[str, Any]:
    """What cargo knows of the workspace on the platform of the functions."""
    ask = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", PLATFORM]
    told: dict[str, Any] = json.loads(subprocess.check_output(ask))
    return told


def checksums() -> dict[tuple[str, str], str]:
    """The SHA-256 of each archive, by name and version."""
    lock = tomlkit.parse(Path("Cargo.lock").read_text()).unwrap()
    packages = (it for it in lock["package"] if "checksum" in it)
    return {(it["name"], it["version"]): it["checksum"] for it in packages}


def commit() -> str:
    """The commit that is deployed."""
    return subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()


def bill_of(
    told: dict[str, Any], sums: dict[tuple[str, str], str], version: str
) -> dict[str, Any]:
    """The bill of everything that is reached from a function without tests and build scripts."""
    packages = {it["id"]: it for it in told["packages"]}
    arrows = {
        node["id"]: sorted(
            dep["pkg"]
            for dep in node["deps"]
            if any(kind["kind"] is None for kind in dep["dep_kinds"])
        )
        for node in told["resolve"]["nodes"]
    }
    folder = Path(told["workspace_root"]) / FUNCTIONS
    roots = [
        package
        for package in told["workspace_members"]
        if Path(packages[package]["manifest_path"]).is_relative_to(folder)
    ]
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        package = waiting.pop()
        if package not in reached:
            reached.add(package)
            waiting.extend(arrows[package])
    parts = sorted(reached, key=lambda it: ref(packages[it]))
    application = f"prolight@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, application)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": application,
                "name": "prolight",
                "version": version,
            }
        },
        "components": [component(packages[it], sums) for it in parts],
        "dependencies": [
            {"ref": application, "dependsOn": sorted(ref(packages[it]) for it in roots)},
            *(
                {"ref": ref(packages[it]), "dependsOn": [ref(packages[to]) for to in arrows[it]]}
                for it in parts
            ),
        ],
    }


def ref(package: dict[str, Any]) -> str:
    """A package's name in the bill: its package URL."""
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package: dict[str, Any], sums: dict[tuple[str, str], str]) -> dict[str, Any]:
    """One crate, with its licence and with the hash of the archive it comes in."""
    name, version = package["name"], package["version"]
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": ref(package),
        "name": name,
        "version": version,
        "purl": ref(package),
    }
    if licence := package["license"]:
        # Older crates separate alternatives by a slash, which SPDX does not know.
        made["licenses"] = [{"expression": licence.replace("/", " OR ")}]
    if checksum := sums.get((name, version)):
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return made


def schema() -> Draft7Validator:
    """The schema of CycloneDX 1.6, from the package of the standard's own library."""
    files = importlib.metadata.files("cyclonedx-python-lib") or []
    wanted = ("bom-1.6", "spdx", "jsf-0.82")
    found = {
        name: json.loads(file.read_text())
        for file in files
        for name in wanted
        if file.name == f"{name}.SNAPSHOT.schema.json"
    }
    registry: Registry[Any] = Registry().with_resources(
        (contents["$id"], Resource(contents, DRAFT7)) for contents in found.values()
    )
    return Draft7Validator(found["bom-1.6"], registry=registry)


if __name__ == "__main__":
    main()
