"""Schemathesis against the sandbox: whatever is sent, it answers as published and never with a 500."""

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sandbox import server
from sandbox.exchange import OPERATIONS
from tests.contract import spec
from tests.contract.walk import ADA
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.skipif(
    not spec.is_there(), reason=f"THE SANDBOX IS NOT FUZZED: no published specification at {spec.PUBLISHED}"
)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def _ours() -> dict[str, Any]:
    """The specification of the operations that the sandbox has."""
    assert server.OPERATION_MODULES
    if not spec.is_there():
        return {"openapi": "3.0.0", "info": {"title": "", "version": ""}, "paths": {}}
    document = spec.patched()
    shapes = {(one.method.lower(), re.sub(r"\{\w+\}", "{}", one.template)) for one in OPERATIONS}
    for path, item in document["paths"].items():
        for method in spec.METHODS:
            if (method, re.sub(r"\{\w+\}", "{}", path)) not in shapes:
                item.pop(method, None)
    return document


schema = schemathesis.openapi.from_dict(_ours())


class Target:
    """A sandbox with the ids that a fuzzer would never guess."""

    def __init__(self) -> None:
        self.sandbox = SandboxServer(contacts=40, deals=30)
        self.sandbox.switch(company_users="on")
        self.token = self.sandbox.token_for(ADA)
        self.ids = {
            f"{kind}_id": [one["id"] for one in self.sandbox.objects(kind)]
            for kind in ("contact", "note", "deal", "pipeline")
        }
        pipelines = self.sandbox.objects("pipeline")
        self.ids["stage_id"] = [stage["id"] for one in pipelines for stage in one["stages"]]

    def aim(self, case: schemathesis.Case) -> None:
        """Puts real ids into most paths; which ones, the case itself decides."""
        rng = random.Random(repr((case.path_parameters, case.query, case.body)))
        for name in case.path_parameters or {}:
            if name in self.ids and rng.random() < 0.7:
                case.path_parameters[name] = rng.choice(self.ids[name])


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.sandbox.close()


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_is_answered_as_published(case: schemathesis.Case, target: Target) -> None:
    target.aim(case)
    headers = {"Authorization": f"Bearer {target.token}"}
    case.call_and_validate(base_url=target.sandbox.url, headers=headers, checks=CHECKS)
