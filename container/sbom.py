"""Prints the image's list of parts as CycloneDX 1.5: the crates that are linked into the binary, from Cargo.lock.

    python3 container/sbom.py [x86_64-unknown-linux-gnu] > target/image/sbom.cdx.json      `just sbom`

Standard library only. Crates that only build or test are left out. C code is in the crates whose names end in -sys or -src; a
-src crate is needed to build only, and listed, since what it holds is linked in. The base image's packages are not listed here: the
base comes with its own list. The same lock file gives the same bytes.
"""

import json
import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = "landfall"


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else "x86_64-unknown-linux-gnu"
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(id for id, package in packages.items() if package["name"] == PACKAGE)
    needs = linked(root, nodes, packages)
    sums = checksums()
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(packages[root], sums, "application"),
            "properties": [{"name": "landfall:target", "value": target}],
        },
        "components": [component(packages[id], sums) for id in sorted(needs, key=key(packages)) if id != root],
        "dependencies": [
            {"ref": purl(packages[id]), "dependsOn": sorted(purl(packages[on]) for on in needs[id])}
            for id in sorted(needs, key=key(packages))
        ],
    }
    json.dump(document, sys.stdout, indent=2)
    print()


def linked(root, nodes, packages):
    """What each package that is linked in depends on, but for build and test."""

    def is_linked(dep):
        kinds = {kind["kind"] for kind in dep["dep_kinds"]}
        return None in kinds or ("build" in kinds and packages[dep["pkg"]]["name"].endswith("-src"))

    needs, todo = {}, [root]
    while todo:
        id = todo.pop()
        if id in needs:
            continue
        # What a -src crate needs itself are tools to compile it.
        source = packages[id]["name"].endswith("-src")
        needs[id] = set() if source else {dep["pkg"] for dep in nodes[id]["deps"] if is_linked(dep)}
        todo.extend(needs[id])
    return needs


def checksums():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))
    return {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}


def key(packages):
    return lambda id: (packages[id]["name"], packages[id]["version"])


def purl(package):
    # A version such as 4.10.0+2.12.1 has a plus, which a package URL writes in percent.
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def component(package, sums, kind="library"):
    parts = {
        "type": kind,
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    if package["license"]:
        # crates.io still has "MIT/Apache-2.0", which was never SPDX.
        parts["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := sums[package["name"], package["version"]]:
        parts["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return parts


main()
