"""Files: uploaded as multipart forms, described, listed. Their contents are kept and served to whoever has the key."""

import base64
from typing import Any

from sandbox.provider.clock import DAY_S
from sandbox.provider.errors import InvalidRequest
from sandbox.provider.ids import new_id
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, page_of
from sandbox.provider.validation import EXPAND, PAGE, Required, choice, file

Json = dict[str, Any]
_URL = "/v1/files"
_PURPOSES = ("dispute_evidence",)
#: What the real service takes as evidence for a dispute: type by how the content begins, and how large.
_BEGINNINGS = {"pdf": b"%PDF-", "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff"}
_MAX_BYTES = 5 * 1024 * 1024


def create(scope: Scope, params: Json) -> Json:
    """Keep an uploaded file. Raises InvalidRequest for one that is empty, too large or of another type."""
    name, content = params["file"]["name"], base64.b64decode(params["file"]["content"])
    if not content:
        raise InvalidRequest("The file you uploaded is empty.", param="file")
    if len(content) > _MAX_BYTES:
        raise InvalidRequest("File is too large. Maximum size is 5 MB.", code="file_too_large", param="file")
    kind = next((kind for kind, start in _BEGINNINGS.items() if content.startswith(start)), None)
    if kind is None:
        raise InvalidRequest("The file must be a PDF, a JPEG or a PNG.", code="invalid_file_type", param="file")
    file_id = new_id("file")
    return scope.add(
        {
            "id": file_id,
            "object": "file",
            "created": scope.now,
            "expires_at": scope.now + 365 * DAY_S,
            "filename": name,
            "links": {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={file_id}"},
            "purpose": params["purpose"],
            "size": len(content),
            "title": None,
            "type": kind,
            "url": f"{scope.base_url}{_URL}/{file_id}/contents",
            "_content": base64.b64encode(content).decode(),
        }
    )


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a file's description."""
    return scope.find("file", id, param="file")


def index(scope: Scope, params: Json) -> Json:
    """List files."""
    return page_of(scope, "file", _URL, params, {"purpose": params.get("purpose")})


def content_of(scope: Scope, file_id: str) -> tuple[bytes, str]:
    """Return the bytes of a file and its media type.

    Raises NotFound when there is none.
    """
    found = scope.find("file", file_id, param="file")
    types = {"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg"}
    return base64.b64decode(found["_content"]), types.get(found["type"], "text/csv")


ROUTES = [
    Route(
        "POST",
        _URL,
        "file.create",
        create,
        {**EXPAND, "file": Required(file()), "purpose": Required(choice(*_PURPOSES))},
    ),
    Route("GET", _URL, "file.list", index, {**PAGE, "purpose": choice(*_PURPOSES, "finance_report_run")}),
    Route("GET", f"{_URL}/<id>", "file.retrieve", retrieve, EXPAND),
]
