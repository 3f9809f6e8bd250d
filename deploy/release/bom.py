"""Prints a CycloneDX bill of materials of the program: what is compiled into it for one target.

`bom.py TARGET` runs `cargo metadata` in the current folder, and takes the time from
SOURCE_DATE_EPOCH, so that the same sources give the same bill.
"""

import datetime
import json
import os
import subprocess
import sys
import tomllib
import uuid

target = sys.argv[1]


def cargo(*command):
    """Returns what a command of cargo prints, for the features of a release."""
    made = ["cargo", *command, "--locked", "--features=otel"]
    return subprocess.run(made, check=True, stdout=subprocess.PIPE).stdout.decode()


metadata = json.loads(cargo("metadata", "--format-version=1", "--filter-platform", target))
# The metadata has more than is compiled: what features need that are on for other platforms only.
tree = cargo("tree", "--edges=normal,build", "--prefix=none", "--format={p}", f"--target={target}")
built = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
packages = {
    package["id"]: package
    for package in metadata["packages"]
    if (package["name"], f"v{package['version']}") in built
}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
with open("Cargo.lock", "rb") as file:
    lock = tomllib.load(file)["package"]
checksums = {(one["name"], one["version"]): one.get("checksum") for one in lock}


def needs(node):
    """Returns the ids of what a package is built from, without what only its tests use."""
    kinds = {one["pkg"]: {kind["kind"] for kind in one["dep_kinds"]} for one in node["deps"]}
    return sorted(id for id, kind in kinds.items() if kind - {"dev"} and id in packages)


def purl(package):
    """Returns the address of a package."""
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, kind):
    """Returns a package as CycloneDX describes it."""
    made = {
        "type": kind,
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    if package["description"]:
        made["description"] = " ".join(package["description"].split())
    if package["license"]:
        # Some still write the slash that Cargo used before SPDX.
        expression = " ".join(package["license"].replace("/", " OR ").split())
        made["licenses"] = [{"expression": expression}]
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


root = metadata["resolve"]["root"]
found, waiting = {root}, [root]
while waiting:
    new = set(needs(nodes[waiting.pop()])) - found
    found |= new
    waiting += new

components = [component(packages[id], "library") for id in found - {root}]
components.sort(key=lambda one: one["bom-ref"])
dependencies = [
    {
        "ref": purl(packages[id]),
        "dependsOn": sorted({purl(packages[other]) for other in needs(nodes[id])}),
    }
    for id in found
]
dependencies.sort(key=lambda one: one["ref"])
when = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.UTC)
bom = {
    "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {
        "timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "component": component(packages[root], "application"),
        "properties": [{"name": "cargo:target", "value": target}],
    },
    "components": components,
    "dependencies": dependencies,
}
# A number that is the same for the same contents.
number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True))
bom = {"serialNumber": f"urn:uuid:{number}", **bom}
print(json.dumps(bom, indent=2, ensure_ascii=False))
