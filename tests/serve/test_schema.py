"""The OpenAPI is true: whatever is asked, the status is one it tells of, the answer is of its schema, none is 5xx."""

from __future__ import annotations

import itertools

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from served import ROUTES, Serve, local

EXAMPLES = 30  # a route and a mode
HOLD = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "negative_data_rejection",
)
REJECTED = ("400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx")
"""Schemathesis does not count 413, which a form of too many parts gets before anybody looks at its fields."""
load_all_checks()
checks = CHECKS.get_by_names(HOLD)


def takes(route: APIRoute) -> bool:
    """Whether there is anything about its requests that could be wrong."""
    flat = route.dependant
    return ("POST" in route.methods and not route.path.endswith("drop")) or bool(flat.query_params)


FIT, UNFIT = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
ASKED = [(route, mode) for route in ROUTES for mode in (FIT, UNFIT) if mode is FIT or takes(route)]


@pytest.mark.parametrize(("route", "mode"), ASKED, ids=lambda x: x.path if isinstance(x, APIRoute) else x.value)
def test_the_openapi_is_true(route: APIRoute, mode: GenerationMode, serving: Serve) -> None:
    """Requests drawn from the schema, and others that break it, get answers that it tells of."""
    client = serving()
    config = schemathesis.Config.from_dict(
        {"checks": {"negative_data_rejection": {"expected-statuses": list(REJECTED)}}}
    )
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", local(client.app), config=config)
    [method] = route.methods
    number = itertools.count()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(schema[route.path][method].as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        if "gallery" in (case.path_parameters or {}) and next(number) % 2 and "drop" not in route.path:
            case.path_parameters["gallery"] = "main"
        case.call_and_validate(base_url="http://localhost", checks=checks)

    holds()
