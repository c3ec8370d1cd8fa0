"""The published specification, patched by `deviations.yml`: what an honest exchange may look like."""

import copy
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
PUBLISHED = Path(os.environ.get("NIMBLE_OPENAPI") or HERE.parents[2] / "shared" / "nimble" / "openapi.yml")
DEVIATIONS = HERE / "deviations.yml"

# Published for few operations, answered by any: checked against the error that the specification draws for them.
ERRORS = {
    "401": ("Errors.ForbiddenError",),
    "402": ("Errors.PaymentError",),
    "403": ("Errors.ForbiddenError",),
    "404": ("Errors.NotFoundError",),
    "405": ("Errors.ForbiddenError",),
    "406": ("Errors.NotAcceptableError", "Errors.ActionCanNotBeCompleted"),
    "409": ("Errors.ValidationError",),
    "429": ("Errors.ForbiddenError",),
    "500": ("Errors.ForbiddenError",),
    "503": ("Errors.ForbiddenError",),
}
METHODS = ("get", "post", "put", "delete")


@dataclass(frozen=True)
class Deviation:
    """One place where the file is not what is accepted, what is accepted instead, and why."""

    at: str
    because: str
    accept: Any

    def apply(self, document: dict[str, Any]) -> None:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in self.at.split("/")[1:]]
        place: Any = document
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if isinstance(place, list):
            place[int(last)] = self.accept
        else:
            place[last] = self.accept


def is_there() -> bool:
    return PUBLISHED.is_file()


@cache
def _load(path: Path) -> Any:
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def published() -> dict[str, Any]:
    return copy.deepcopy(_load(PUBLISHED))


def deviations() -> list[Deviation]:
    return [Deviation(one["at"], one["because"], one["accept"]) for one in _load(DEVIATIONS)]


def patched(without: Deviation | None = None) -> dict[str, Any]:
    """The specification with every deviation but one, and with the errors that it leaves out."""
    document = published()
    for deviation in deviations():
        if deviation != without:
            deviation.apply(document)
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                _add_errors(item[method]["responses"])
    return document


def _add_errors(responses: dict[str, Any]) -> None:
    for status, names in ERRORS.items():
        schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
        content = {"application/json": {"schema": {"anyOf": schemas}}}
        responses.setdefault(status, {"description": "", "content": content})


def reached(document: dict[str, Any], node: Any) -> set[str]:
    """The names of all schemas that this part of the document refers to, directly or through others."""
    found: set[str] = set()
    open_nodes = [node]
    while open_nodes:
        one = open_nodes.pop()
        if isinstance(one, dict):
            name = str(one.get("$ref", "")).removeprefix("#/components/schemas/")
            if name and name not in found:
                found.add(name)
                open_nodes.append(document["components"]["schemas"][name])
            open_nodes += one.values()
        elif isinstance(one, list):
            open_nodes += one
    return found
