"""Report runs and the files that they produce."""

import base64
from typing import Any

from sandbox.provider import reports
from sandbox.provider.clock import DAY_S
from sandbox.provider.errors import InvalidRequest
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, page_of
from sandbox.provider.validation import (
    EXPAND,
    PAGE,
    Required,
    Schema,
    array,
    choice,
    currency,
    fields,
    integer,
    text,
)

Json = dict[str, Any]
_URL = "/v1/reporting/report_runs"

_PARAMETERS: Schema = {
    "columns": array(text()),
    "connected_account": text(),
    "currency": currency(),
    "interval_end": Required(integer()),
    "interval_start": Required(integer()),
    "payout": text(),
    "reporting_category": text(),
    "timezone": choice("Etc/UTC", "UTC"),
}
_CREATE: Schema = {
    **EXPAND,
    "parameters": Required(fields(_PARAMETERS)),
    "report_type": Required(choice(*reports.COLUMNS)),
}


def create(scope: Scope, params: Json) -> Json:
    """Order a report; it is written a moment later, and an event says so.

    Raises InvalidRequest for an unknown column or an empty interval.
    """
    given, report_type = params["parameters"], params["report_type"]
    for column in given.get("columns", []):
        if not reports.allowed(report_type, column):
            raise InvalidRequest(f"Invalid column for {report_type}: {column}", param="parameters[columns]")
    if given["interval_start"] >= given["interval_end"]:
        raise InvalidRequest("interval_start must be before interval_end.", param="parameters[interval_start]")
    run: Json = {
        "id": new_id("frr"),
        "object": "reporting.report_run",
        "created": scope.now,
        "error": None,
        "livemode": False,
        "parameters": given,
        "report_type": report_type,
        "result": None,
        "status": "pending",
        "succeeded_at": None,
        "_base_url": scope.base_url,
    }
    scope.add(run)
    scope.timers.add("report_ready", run["id"], due=scope.now, account=scope.account)
    return run


def fired_ready(scope: Scope, run_id: str, args: Json) -> None:
    """Write the report and say so with an event."""
    scope = scope.within(args["account"])
    run = scope.find("reporting.report_run", run_id)
    source = scope.within(run["parameters"].get("connected_account", scope.account))
    content = reports.write(source, run["report_type"], run["parameters"])
    file_id = new_id("file")
    file: Json = {
        "id": file_id,
        "object": "file",
        "created": scope.now,
        "expires_at": scope.now + 365 * DAY_S,
        "filename": f"{run_id}.csv",
        "links": {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={file_id}"},
        "purpose": "finance_report_run",
        "size": len(content),
        "title": f"FinanceReportRun {run_id}",
        "type": "csv",
        "url": f"{run['_base_url']}/v1/files/{file_id}/contents",
        "_content": base64.b64encode(content).decode(),
    }
    scope.add(file)
    run.update(
        status="succeeded",
        succeeded_at=scope.now,
        result={name: value for name, value in file.items() if name != "_content"},
    )
    scope.store.save(run)
    emit(scope, "reporting.report_run.succeeded", run)


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a report run."""
    return scope.find("reporting.report_run", id, param="id")


def index(scope: Scope, params: Json) -> Json:
    """List report runs."""
    return page_of(scope, "reporting.report_run", _URL, params, {})


ROUTES = [
    Route("POST", _URL, "report_run.create", create, _CREATE),
    Route("GET", _URL, "report_run.list", index, PAGE),
    Route("GET", f"{_URL}/<id>", "report_run.retrieve", retrieve, EXPAND),
]
TIMERS = {"report_ready": fired_ready}
