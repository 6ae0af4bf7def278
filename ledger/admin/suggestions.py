"""What a field for an account or a seller suggests while somebody types."""

from ledger import chart
from ledger.chart import CHART, UnknownAccount
from ledger.models import Account
from operations.names import names_of

# A list of suggestions is no directory: a seller beyond them is typed.
SELLER_ACCOUNTS_SUGGESTED = 300


def suggested_accounts() -> list[tuple[str, str]]:
    """Return codes with their purposes: what the books have, and what the chart has without a name to fill in."""
    fixed = {template.pattern for template in CHART if "{" not in template.pattern}
    codes = Account.objects.order_by("code").values_list("code", flat=True).distinct()
    ours = fixed | set(codes.exclude(code__startswith="seller:"))
    sellers = codes.filter(code__startswith="seller:")[:SELLER_ACCOUNTS_SUGGESTED]
    names = names_of(sellers)
    return [(code, _purpose(code, names.get(code, ""))) for code in [*sorted(ours), *sellers]]


def _purpose(code: str, owner: str) -> str:
    try:
        purpose = chart.template_of(code).purpose
    except UnknownAccount:
        return ""
    return f"{owner}: {purpose}" if owner else purpose


def suggested_sellers() -> list[tuple[str, str]]:
    """Return our ids of sellers with something in the books, with their names."""
    codes = Account.objects.filter(code__startswith="seller:").order_by("code").values_list("code", flat=True)
    subjects = sorted({code.rsplit(":", 1)[0] for code in codes.distinct()[:SELLER_ACCOUNTS_SUGGESTED]})
    names = names_of(subjects)
    return [(subject.removeprefix("seller:"), names.get(subject, "")) for subject in subjects]
