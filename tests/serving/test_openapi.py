"""Requests made from the OpenAPI document, valid and not: every answer is one that it documents."""

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

load_all_checks()
PROMISED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
OPERATIONS = (
    "POST /v1/recommend",
    "POST /v1/rank",
    "POST /v1/events",
    "GET /v1/items/{item_id}",
    "GET /v1/items/{item_id}/similar",
    "PUT /v1/items",
    "DELETE /v1/items/{item_id}",
    "GET /v1/users/{user_id}",
    "DELETE /v1/users/{user_id}",
    "GET /v1/models",
    "POST /v1/models/{version}/promote",
    "POST /v1/models/rollback",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
)


@pytest.fixture(scope="module")
def operations(reading: httpx.Client) -> dict[str, schemathesis.APIOperation]:
    schema = schemathesis.openapi.from_url(f"{reading.base_url}/openapi.json")
    found = [result.ok() for result in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_documented(label: str, operations: dict[str, schemathesis.APIOperation]) -> None:
    operation = operations[label]
    cases = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @settings(max_examples=10, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.one_of(cases))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=PROMISED)

    check()


def test_no_reference_leads_nowhere(reading: httpx.Client) -> None:
    assert '"#/$defs' not in reading.get("/openapi.json").text
