"""Schemathesis speaks with the application by its own description and finds nothing that it cannot answer."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from annotate_api import API, Person, Running, running, start, walk_to
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from damer.annotation.server.app import ServerSettings, openapi
from damer.annotation.server.limits import Rate, Rates

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Case = schemathesis.Case[Any]
ENDLESS = Rate(1e9, 1e9)
SCHEMA = schemathesis.openapi.from_dict(openapi())
OPERATIONS: list[Any] = [cast(Any, found).ok() for found in SCHEMA.get_all_operations()]
QUICK = settings(
    max_examples=6, deadline=None, derandomize=True, database=None,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("fuzz")
    rates = Rates(ENDLESS, ENDLESS, ENDLESS, ENDLESS, ENDLESS)
    settings = ServerSettings(folder=folder, sound_after_s=0.0, rates=rates)
    with running(folder, settings=settings) as found:
        yield found


@pytest.fixture(scope="module")
def names(study: Running) -> dict[str, Any]:
    """People, and things that are there: requests that are right but for one thing reach further."""
    person, boss = study.enter("a01"), study.enter("boss", "researcher")
    me = walk_to(person, study.clock, ["calibrate"])
    found = {
        "trial_id": start(person, me),
        "name": me["audio"]["name"],
        "annotator": "a02",
        "track_id": "t04",
    }
    return {"people": {"annotator": person, "session": person, "researcher": boss}, **found}


def ask(study: Running, names: dict[str, Any], case: Case) -> Any:
    """Send a case with the session of somebody who may."""
    operation = case.operation
    who = operation.definition.raw["x-who"]
    person: Person | None = names["people"].get(who)
    if operation.label == f"DELETE {API}/session":
        person = study.enter("a03")
    found = case.as_transport_kwargs(base_url="http://testserver")
    headers = {"Content-Type": dict(found["headers"]).get("Content-Type", "application/json")}
    if person is not None:
        headers["X-CSRF-Token"] = person.csrf
    body = {"json": found["json"]} if "json" in found else {"content": found.get("data") or b""}
    client = person.client if person is not None else study.client
    query = {name: value for name, value in (found.get("params") or {}).items() if value is not None}
    return client.request(found["method"], found["url"], params=query, headers=headers, **body)


def check(study: Running, names: dict[str, Any], case: Case) -> None:
    answer = ask(study, names, case)
    assert answer.status_code != 401 or case.operation.label == f"POST {API}/session"
    case.validate_response(answer, checks=CHECKS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_nothing_is_found(study: Running, names: dict[str, Any], operation: Any) -> None:
    fuzz(study, names, operation, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_nothing_is_found_in_the_long_run(study: Running, names: dict[str, Any], operation: Any) -> None:
    fuzz(study, names, operation, settings(QUICK, max_examples=300, derandomize=False))


def fuzz(study: Running, names: dict[str, Any], operation: Any, how: settings) -> None:
    """Try described and other requests, with names of things that are there and with others."""
    real = {name: names[name] for name in names if f"{{{name}}}" in operation.path}
    whole = {**real, **({"number": 0} if "{number}" in operation.path else {})}
    cases = [operation.as_strategy(GenerationMode.POSITIVE), operation.as_strategy(GenerationMode.NEGATIVE)]
    if real:
        cases += [operation.as_strategy(mode, path_parameters=whole) for mode in GenerationMode]

    @how
    @given(case=st.one_of(cases))
    def one(case: Case) -> None:
        check(study, names, case)

    one()


def test_the_checks_can_fail(study: Running, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    operation = next(one for one in OPERATIONS if one.label == f"GET {API}/time")
    monkeypatch.setattr(study.service, "now", lambda: "late")
    monkeypatch.setattr(names["people"]["session"].client._transport, "raise_server_exceptions", False)
    with pytest.raises((FailureGroup, Failure)):
        fuzz(study, names, operation, settings(QUICK, max_examples=1))
