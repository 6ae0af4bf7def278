"""The ways in which one call to the provider can go wrong, by what they are to us."""

from typing import Any

# What the provider never saw, or undid: it may be sent again under the same key.
NOT_DONE: dict[str, dict[str, Any]] = {
    "cut before": {"action": "drop"},
    "500 before": {"action": "error_5xx", "args": {"when": "before"}},
    "503": {"action": "error_503", "args": {"retry_after_s": 7}},
    "429": {"action": "error_429", "args": {"retry_after_s": 7}},
    "409": {"action": "error_409"},
}
# What the provider did, and did not tell us in a way that can be believed.
DONE: dict[str, dict[str, Any]] = {
    "cut after": {"action": "timeout_after_commit"},
    "500 after": {"action": "error_5xx", "args": {"when": "after"}},
    "garbage": {"action": "garbage"},
    "html": {"action": "html"},
    "truncated": {"action": "truncated"},
}
UNCLEAR = NOT_DONE | DONE


def rule(op: str, fault: str, **more: Any) -> dict[str, Any]:
    """Return the rule of the fault plan that makes an operation go wrong."""
    return {"op": op, **UNCLEAR[fault], **more}
