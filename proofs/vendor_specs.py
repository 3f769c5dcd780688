"""The vendors' own API documents and their checker, which live outside this repository."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "PROVIDER_SPECS"
DEFAULT_DIRECTORY = Path(__file__).resolve().parent.parent.parent / "shared" / "specs"


class SpecsMissing(RuntimeError):
    """The vendor documents are not where they should be."""


@dataclass(frozen=True)
class Checker:
    """Functions that return what is wrong as plain sentences, an empty list when nothing is.

    `request(provider, method, path, content_type, body, headers)`: path with query.
    `response(provider, method, path, status, body)`: body parsed or as text.
    `event(provider, body)`: the body of a webhook.
    """

    request: Callable[..., list[str]]
    response: Callable[..., list[str]]
    event: Callable[..., list[str]]


def specs_directory() -> Path:
    """Where the documents are: PROVIDER_SPECS, else ../shared/specs beside the repository.

    Raises SpecsMissing, which says which variable to set.
    """
    named = os.environ.get(VARIABLE)
    directory = Path(named) if named else DEFAULT_DIRECTORY
    if not (directory / "check_request.py").is_file():
        where = f"{VARIABLE}={named}" if named else "../shared/specs"
        raise SpecsMissing(
            f"The vendors' API documents are missing: {where} holds no check_request.py. "
            f"Set {VARIABLE} to the folder that does."
        )
    return directory


def load(directory: Path | None = None) -> Checker:
    """Load the checker from the directory (None: specs_directory()). Raises SpecsMissing."""
    home = specs_directory() if directory is None else directory
    source = home / "check_request.py"
    if not source.is_file():
        raise SpecsMissing(
            f"{home} holds no check_request.py; set {VARIABLE} to a folder that does."
        )
    spec = importlib.util.spec_from_file_location("vendor_check_request", source)
    if spec is None or spec.loader is None:
        raise SpecsMissing(f"{source} cannot be loaded as a Python module.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Checker(module.check_request, module.check_response, module.check_event)
