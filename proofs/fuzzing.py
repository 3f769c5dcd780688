"""Schemathesis, a peer nobody here wrote, against a fake: requests drawn from a vendor's own
document must meet no 5xx and no answer that the document does not allow."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("schemathesis")
CHECKS = "not_a_server_error,response_schema_conformance"
# Not "coverage": of a form with some hundred fields it tries every limit of each.
PHASES = "examples,fuzzing"
RUN_SECONDS = 240  # of a busy machine; a calm one needs a tenth
METHODS = ("get", "post", "put", "patch", "delete")

Json = dict[str, Any]


@dataclass(frozen=True)
class Fuzzed:
    """What it said, and how many operations of the document were driven."""

    is_clean: bool
    said: str
    operations: int


def served_part(
    document: Json, serves: Callable[[str, str], bool], ids: Mapping[str, str]
) -> Json:
    """The document with those operations alone that a fake serves.

    `ids`: begin of a path -> the id of something that is there, given as an example for
    the name in that path, so that not every answer is a 404.
    """
    paths: Json = {}
    for path, item in document["paths"].items():
        kept = {name: value for name, value in item.items() if name not in METHODS}
        sample = re.sub(r"\{[^}]+\}", "x", path)
        for method in METHODS:
            if method in item and serves(method.upper(), sample):
                kept[method] = _with_example(document, path, item[method], ids)
        if set(kept) & set(METHODS):
            paths[path] = kept
    return {**document, "paths": paths, "servers": [{"url": "/"}]}


def _with_example(
    document: Json, path: str, operation: Json, ids: Mapping[str, str]
) -> Json:
    known = [(start, name) for start, name in ids.items() if path.startswith(start)]
    if not known or "{" not in path:
        return operation
    identity = max(known)[1]
    parameters = []
    for parameter in operation.get("parameters", ()):
        named = _resolved(document, parameter)
        if named["in"] == "path":
            named = {**named, "example": identity}
        parameters.append(named)
    return {**operation, "parameters": parameters}


def _resolved(document: Json, node: Json) -> Json:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def drive(
    document: Json,
    *,
    url: str,
    headers: Mapping[str, str],
    folder: Path,
    seed: int = 1,
    examples: int = 6,
) -> Fuzzed:
    """Run it over the document, each operation with `examples` drawn cases beside those
    that the document gives. The same seed draws the same."""
    source = folder / "document.json"
    source.write_text(json.dumps(document))
    command = [str(PROGRAM), "--no-color", "run", str(source), "--url", url]
    command += ["--checks", CHECKS, "--phases", PHASES]
    command += ["--max-examples", str(examples), "--seed", str(seed), "--no-shrink"]
    command += ["--generation-database", "none"]
    command += ["--continue-on-failure", "--warnings", "off"]
    command += ["--suppress-health-check", "all", "--output-truncate", "false"]
    command += ["--generation-with-security-parameters", "false"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    if done.returncode not in (0, 1):
        raise RuntimeError(f"schemathesis ended with {done.returncode}:\n{said}")
    operations = sum(
        method in item for item in document["paths"].values() for method in METHODS
    )
    return Fuzzed(done.returncode == 0, said, operations)
