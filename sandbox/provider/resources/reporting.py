"""Report runs and the files that they produce."""

import base64
import json
from typing import Any

from sandbox.provider import reports
from sandbox.provider.clock import DAY_S
from sandbox.provider.errors import InvalidRequest, NotFound
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
#: From when on reports may tell, unless a control command says otherwise: 2019. They may reach beyond now too.
_FIRST = 1_546_300_800

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


def set_span(scope: Scope, *, start: int, lag_s: int) -> None:
    """Have reports tell from a moment on, and until some time ago."""
    scope.store.set_meta("reports", json.dumps({"start": start, "lag_s": lag_s}))


def _span(scope: Scope) -> tuple[int, int]:
    """Return from when until when there is data; an interval begins and ends at least a second within that."""
    kept = json.loads(scope.store.meta("reports") or json.dumps({"start": _FIRST, "lag_s": -365 * DAY_S}))
    return int(kept["start"]), scope.now - int(kept["lag_s"]) + 1


def create(scope: Scope, params: Json) -> Json:
    """Order a report; it is written a moment later, or when a rule of the fault plan says, and an event says so.

    Raises InvalidRequest for an unknown column, an empty interval, or one of which there is no data yet or any more.
    """
    given, report_type = params["parameters"], params["report_type"]
    for column in given.get("columns", []):
        if not reports.allowed(report_type, column):
            raise InvalidRequest(f"Invalid column for {report_type}: {column}", param="parameters[columns]")
    if given["interval_start"] >= given["interval_end"]:
        raise InvalidRequest("interval_start must be before interval_end.", param="parameters[interval_start]")
    _check_span(scope, report_type, given)
    rule = scope.planned("report_run.create", refs=given)
    wait_s = int(rule.args.get("after_s", DAY_S)) if rule else 0
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
    scope.timers.add("report_ready", run["id"], due=scope.now + wait_s, account=scope.account)
    return run


def _check_span(scope: Scope, report_type: str, given: Json) -> None:
    first, last = _span(scope)
    for name, within, side in (
        ("interval_start", given["interval_start"] > first, f"starting at {reports.moment(first)}"),
        ("interval_end", given["interval_end"] < last, f"through {reports.moment(last)}"),
    ):
        if not within:
            raise InvalidRequest(
                f"Data for the report type {report_type} is only available {side} UTC; you requested `{name}` = "
                f"{reports.moment(given[name])} UTC.",
                param=f"parameters.{name}",
            )


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


def retrieve_type(scope: Scope, params: Json, *, id: str) -> Json:
    """Say of a kind of report from when until when there is data. Raises NotFound for an unknown kind."""
    if id not in reports.COLUMNS:
        raise NotFound.resource("report type", id)
    first, last = _span(scope)
    return {
        "id": id,
        "object": "reporting.report_type",
        "data_available_end": last,
        "data_available_start": first,
        "default_columns": reports.DEFAULTS[id],
        "livemode": False,
        "name": id.partition(".")[0].replace("_", " ").capitalize(),
        "updated": scope.now,
        "version": int(id.rpartition(".")[2]),
    }


ROUTES = [
    Route("POST", _URL, "report_run.create", create, _CREATE),
    Route("GET", _URL, "report_run.list", index, PAGE),
    Route("GET", f"{_URL}/<id>", "report_run.retrieve", retrieve, EXPAND),
    Route("GET", "/v1/reporting/report_types/<id>", "report_type.retrieve", retrieve_type, EXPAND),
]
TIMERS = {"report_ready": fired_ready}
