"""`manage.py export_books`: the books for other people's tools."""

import os
import sys
import tempfile
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger import exports
from ledger.chart import AccountType
from ledger.general_ledger import AccountChoice
from operations.errors import DomainError

DESCRIPTION = """\
Write the books, or a period of them, in a format that other tools read and check:

  beancount          the journal for beancount, with balance assertions (bean-check FILE)
  hledger            the journal for hledger, with balance assertions (hledger -f FILE check --strict)
  journal-csv        the journal, one line a row
  trial-balance-csv  every account's balance at the end, before the period, and what moved between
  statement-csv      one account's statement (--account and --currency)
  general-ledger-csv every account's statement; or of one currency (--currency), of one type (--type), of an account
                     and those below it (--under)

Dates are business days, both included. With --since, an entry of opening balances comes first, so that the other
tool ends at our balances. All of it is one moment's view of the books; memory stays flat however long they are."""
EXAMPLES = """\
examples:
  manage.py export_books --format beancount --output books.beancount
  manage.py export_books --format journal-csv --since 2026-10-01 --until 2026-10-31 > october.csv
  manage.py export_books --format statement-csv --account psp:stripe:clearing --currency EUR
  manage.py export_books --format general-ledger-csv --since 2026-10-01 --until 2026-10-31 --under psp:stripe"""

FORMATS: dict[str, Callable[..., Iterator[str]]] = {
    "beancount": exports.beancount_journal,
    "hledger": exports.hledger_journal,
    "journal-csv": exports.journal_csv,
    "trial-balance-csv": exports.trial_balance_csv,
    "statement-csv": exports.statement_csv,
    "general-ledger-csv": exports.general_ledger_csv,
}


class Command(BaseCommand):
    """Export the books."""

    help = DESCRIPTION

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the lines of the description and the examples as they are written."""
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, epilog=EXAMPLES, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--format", required=True, choices=FORMATS, help="see above")
        parser.add_argument("--since", type=_day, metavar="YYYY-MM-DD", help="first business day (default: the first)")
        parser.add_argument("--until", type=_day, metavar="YYYY-MM-DD", help="last business day (default: the last)")
        parser.add_argument("--account", help="the account of a statement, such as psp:stripe:clearing")
        parser.add_argument("--currency", help="the currency of a statement or a general ledger, such as EUR")
        parser.add_argument("--type", choices=[*map(str, AccountType)], help="the type of a general ledger's accounts")
        parser.add_argument("--under", metavar="CODE", help="where a general ledger's accounts stand: at it, or below")
        parser.add_argument("--output", type=Path, metavar="FILE", help="replaced in one step, when all is written")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the export to the file, or to standard output."""
        pieces = FORMATS[options["format"]](since=options["since"], until=options["until"], **_accounts(options))
        try:
            if options["output"] is None:
                for piece in pieces:
                    self.stdout.write(piece, ending="")
            else:
                _write(options["output"], pieces)
        except DomainError as error:
            raise CommandError(str(error)) from error
        except BrokenPipeError:
            # Whoever read us (`| head`) has enough; nothing is left to say to them at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day such as 2026-11-22") from None


def _accounts(options: dict[str, Any]) -> dict[str, Any]:
    """Return the accounts that an export is about. Raises CommandError where they are asked for half or in vain."""
    chosen, code, currency = options["format"], options["account"], options["currency"]
    if code and chosen != "statement-csv":
        raise CommandError("--account belongs to --format statement-csv.")
    if (options["type"] or options["under"]) and chosen != "general-ledger-csv":
        raise CommandError("--type and --under belong to --format general-ledger-csv.")
    if chosen == "statement-csv":
        if not (code and currency):
            raise CommandError("statement-csv needs --account and --currency: an account has a statement in each.")
        return {"code": code, "currency": currency}
    if chosen == "general-ledger-csv":
        kind = AccountType(options["type"]) if options["type"] else None
        return {"choice": AccountChoice(currency=currency, type=kind, under=options["under"])}
    if currency:
        raise CommandError("--currency belongs to --format statement-csv and general-ledger-csv.")
    return {}


def _write(path: Path, pieces: Iterator[str]) -> None:
    """Replace a file in one step, once all is written: nobody reads half an export."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
