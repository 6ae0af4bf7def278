"""Every state machine of the system with its table, and the page that draws them."""

from ledger.states import MANUAL_JOURNAL
from operations.lifecycle import Machine, Transition
from payments.states import (
    ATTEMPT,
    DISPUTE,
    EVENT_DELIVERY,
    EVIDENCE,
    EVIDENCE_FILE,
    INSTRUCTION,
    ORDER,
    REFUND,
    SURPLUS,
)
from payouts.states import BATCH, PAYOUT
from reconciliation.states import DISCREPANCY, STATEMENT

# Table -> machine, in the order in which money meets them.
MACHINES: dict[str, Machine] = {
    "payments_paymentorder": ORDER,
    "payments_attempt": ATTEMPT,
    "payments_instruction": INSTRUCTION,
    "payments_surplus": SURPLUS,
    "payments_refund": REFUND,
    "payments_dispute": DISPUTE,
    "payments_disputeevidence": EVIDENCE,
    "payments_evidencefile": EVIDENCE_FILE,
    "payouts_batch": BATCH,
    "payouts_payout": PAYOUT,
    "reconciliation_statement": STATEMENT,
    "reconciliation_discrepancy": DISCREPANCY,
    "ledger_manualjournal": MANUAL_JOURNAL,
    "payments_eventdelivery": EVENT_DELIVERY,
}

_PREAMBLE = """\
# States

Written by `manage.py states_page` from the tables in `*/states.py`; a test fails when it is stale. Each table is also
the django-fsm transitions of its model and a trigger in PostgreSQL, which refuses every other move. Each move is one
row of `operations_statechange`: from, to, who, why, when.
"""


def states_page() -> str:
    """Return the page on all machines: a diagram, the states, and the moves between them."""
    return "\n".join([_PREAMBLE, *(_section(table, machine) for table, machine in MACHINES.items())])


def _section(table: str, machine: Machine) -> str:
    title = machine.name.replace("_", " ").capitalize()
    return "\n".join(
        [
            f"## {title}",
            "",
            f"`{machine.name}` in the table `{table}`",
            "",
            "```mermaid",
            "stateDiagram-v2",
            *_diagram(machine),
            "```",
            "",
            "| state | meaning |",
            "| --- | --- |",
            *(f"| `{state.value}` | {state.label} |" for state in machine.states),
            "",
            "| event | from | to | when |",
            "| --- | --- | --- | --- |",
            *(_move(row) for row in machine.transitions),
            "",
        ]
    )


def _move(row: Transition) -> str:
    sources = ", ".join(f"`{source}`" for source in row.sources)
    return f"| {row.event} | {sources} | `{row.target}` | {row.phrase} |"


def _diagram(machine: Machine) -> list[str]:
    moves = [
        f"    {source} --> {row.target}: {row.event}"
        for row in machine.transitions
        for source in row.sources
        if source != row.target
    ]
    ends = [f"    {state} --> [*]" for state in machine.states.values if state in machine.terminal()]
    return [f"    [*] --> {machine.initial}", *moves, *ends]
