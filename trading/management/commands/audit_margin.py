"""``manage.py audit_margin``: hold our liquidation prices against the venue's own, from files and nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.audit import aster, hyperliquid
from trading.audit.judging import Finding, Verdict
from trading.audit.report import as_json, as_table, summary
from trading.margin.errors import MarginInputError
from trading.venues.errors import Malformed
from trading.venues.snapshots import Venue

Audit = Callable[[bytes, bytes], tuple[Finding, ...]]
AUDITS: Mapping[Venue, Audit] = {Venue.HYPERLIQUID: hyperliquid.audit, Venue.ASTER: aster.audit}

PRICES_DIFFER = 1
INPUT_UNUSABLE = 2


class Command(BaseCommand):
    """Exit status 0: every price agrees or cannot be known; 1: one differs; 2: a file cannot be used."""

    help = "Compare the liquidation prices of a venue's raw account answer with the margin engine's. Needs no database."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The venue, the two files and the form of the answer."""
        parser.add_argument("--venue", required=True, choices=[venue.value for venue in AUDITS])
        parser.add_argument(
            "--market-data",
            required=True,
            type=Path,
            metavar="FILE",
            help="Hyperliquid: a meta or metaAndAssetCtxs answer. Aster: an object with leverageBracket and optionally "
            "exchangeInfo.",
        )
        parser.add_argument(
            "--account",
            required=True,
            type=Path,
            metavar="FILE",
            help="Hyperliquid: a clearinghouseState answer, or an object with clearinghouseState and optionally "
            "spotClearinghouseState and userAbstraction. Aster: an object with positionRisk and optionally account.",
        )
        parser.add_argument("--json", action="store_true", help="Print a list of objects instead of a table.")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Print the findings; CommandError with the exit status where not all is well."""
        audit = AUDITS[Venue(options["venue"])]
        market_data, account = _contents(options["market_data"]), _contents(options["account"])
        try:
            findings = audit(market_data, account)
        except Malformed as error:
            raise CommandError(f"This is not the answer expected: {error.cause}.", returncode=INPUT_UNUSABLE) from None
        except MarginInputError as error:
            raise CommandError(f"A figure makes no sense: {error}.", returncode=INPUT_UNUSABLE) from None
        except ArithmeticError:
            raise CommandError("A figure is no number that can be reckoned with.", returncode=INPUT_UNUSABLE) from None
        self.stdout.write(as_json(findings) if options["json"] else as_table(findings))
        if any(finding.verdict is Verdict.DIFFERS for finding in findings):
            raise CommandError(summary(findings), returncode=PRICES_DIFFER)


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=INPUT_UNUSABLE) from None
