"""Checks dependencies by deny.toml, as far as that takes no network and no cargo-deny: licences,
crates that are denied, and where crates come from. It does not know of advisories.
"""

import json
import re
import subprocess
import sys
import tomllib

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def is_allowed(expression, allowed):
    """Returns whether a licence expression can be met with the allowed licences."""
    # Some still write the slash that Cargo used before SPDX.
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def either():
        met = both()
        while words and words[0] == "OR":
            words.pop(0)
            other = both()
            met = met or other
        return met

    def both():
        met = one()
        while words and words[0] == "AND":
            words.pop(0)
            other = one()
            met = met and other
        return met

    def one():
        word = words.pop(0)
        if word == "(":
            met = either()
            words.pop(0)
            return met
        if words and words[0] == "WITH":
            words.pop(0)
            word = f"{word} WITH {words.pop(0)}"
        return word in allowed

    return either()


def output(*command):
    """Returns what a command of cargo prints."""
    made = subprocess.run(["cargo", *command, "--locked"], check=True, stdout=subprocess.PIPE)
    return made.stdout.decode()


def graph(targets):
    """Returns the packages that are built for the targets, tests included. `cargo metadata` alone
    would add what features need that are switched on for other platforms only."""
    wanted = [f"--target={target}" for target in targets]
    lines = output("tree", "--all-features", "--edges=normal,build,dev", "--prefix=none", "--format={p}", *wanted)
    built = {tuple(line.split()[:2]) for line in lines.splitlines() if line}
    packages = json.loads(output("metadata", "--all-features", "--format-version=1"))["packages"]
    return [package for package in packages if (package["name"], f"v{package['version']}") in built]


with open("deny.toml", "rb") as file:
    rules = tomllib.load(file)
denied = {one["crate"]: one["reason"] for one in rules["bans"]["deny"]}
allowed = set(rules["licenses"]["allow"])
wrong = []
packages = graph(rules["graph"]["targets"])
for package in packages:
    name = f"{package['name']} {package['version']}"
    if not package["license"] or not is_allowed(package["license"], allowed):
        wrong.append(f"{name}: the licence {package['license']} is not allowed")
    if package["name"] in denied:
        wrong.append(f"{name}: denied, {denied[package['name']]}")
    # Our own package has no source.
    if package["source"] not in (None, REGISTRY):
        wrong.append(f"{name}: it comes from {package['source']}")
    for needed in package["dependencies"] if package["source"] is None else []:
        if needed["req"] == "*":
            wrong.append(f"{needed['name']}: its version is a wildcard")
print("\n".join(wrong) or f"{len(packages)} packages: licences, bans and sources are fine")
sys.exit(bool(wrong))
