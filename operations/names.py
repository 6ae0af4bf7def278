"""What people call the things that rooms above know by id: a seller's account shows whose it is.

Operations and the ledger store a subject (`kind:id`, and longer codes that begin like one) and never see the row
behind it; the switchboard says who knows its name.
"""

from collections.abc import Iterable

from operations.switchboard import answerer, table


def names_of(codes: Iterable[str]) -> dict[str, str]:
    """Return the names behind subjects and account codes, one question a kind; what has no name is left out."""
    subjects = {code: tuple(code.split(":")[:2]) for code in codes if code.count(":")}
    found: dict[tuple[str, ...], str] = {}
    for kind in table("SUBJECT_NAMES"):
        keys = sorted({key for which, key in subjects.values() if which == kind})
        names = answerer("SUBJECT_NAMES", kind)(keys=keys) if keys else {}
        found |= {(kind, key): name for key, name in names.items()}
    return {code: found[subject] for code, subject in subjects.items() if subject in found}
