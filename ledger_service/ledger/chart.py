"""The chart of accounts: which kinds of account a book has, and on which side each grows."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Side(StrEnum):
    """A side of an account, and of an entry."""

    DEBIT = "D"
    """Assets and expenses grow on it."""
    CREDIT = "C"
    """Liabilities, equity and income grow on it."""


class ChartCode(IntEnum):
    """Codes of the chart of accounts, the same in every book."""

    CASH = 1010
    """Notes and coin in branches, agents and machines. Asset."""
    NOSTRO = 1110
    """Our money at a partner bank outside the platform. Asset, one per partner and currency."""
    CLEARING = 1210
    """What a participant and we owe each other until settlement. One per participant and currency."""
    LOANS = 1310
    """Principal lent to customers. Asset."""
    SETTLEMENT_AGENT = 1410
    """Money of a scheme's participants at its settlement agent. Asset, one per scheme and currency."""
    SUSPENSE = 1910
    """Payments whose other side is not known yet. Asset, meant to be empty."""
    CUSTOMER_DEPOSITS = 2010
    """Current and savings accounts: what the bank owes its customers. Liability."""
    CUSTOMER_WALLETS = 2020
    """Electronic money: what the operator owes its wallet holders. Liability."""
    CARD_SETTLEMENT = 2110
    """Card spend owed to the card network. Liability."""
    SETTLEMENT_POSITIONS = 2310
    """What a scheme's operator owes a participant: prefunding and net position. Liability."""
    SETTLEMENT_RESERVES = 2320
    """Liquidity that a participant has set aside on its position. Liability, one per currency."""
    UNAPPLIED_RECEIPTS = 2910
    """Money received that could not be credited to its account. Liability."""
    OPENING_BALANCES = 3010
    """The other side of balances migrated from an earlier system. Equity."""
    FEE_INCOME = 4010
    """Fees earned. Income."""
    PENALTY_INTEREST_INCOME = 4020
    """Interest charged on overdrawn accounts. Income."""
    LOAN_INTEREST_INCOME = 4030
    """Interest earned on loans. Income."""
    RECONCILIATION_GAINS = 4910
    """What banks state more than the books say, written off by two people. Income."""
    INTEREST_EXPENSE = 5010
    """Interest paid to depositors. Expense."""
    RECONCILIATION_LOSSES = 5910
    """What banks state less than the books say, written off by two people. Expense."""
    FX_POSITION = 6010
    """Open position in a currency, the bridge of every conversion. One per currency."""
    FX_ROUNDING = 6020
    """Residuals of conversions, named so that none is lost."""
    BILATERAL_EXPOSURES = 9010
    """Memorandum: what the lower of a pair is owed by the higher, against a limit each way."""
    BILATERAL_EXPOSURES_CONTRA = 9020
    """Memorandum: the other side of them. One per scheme and currency."""


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of the chart: its code and the side on which it grows."""

    code: ChartCode
    normal_side: Side

    @property
    def name(self) -> str:
        """The line's name as the lake and the warehouse write it."""
        return self.code.name.lower()


DEBIT_NORMAL = frozenset(
    {
        ChartCode.CASH,
        ChartCode.NOSTRO,
        ChartCode.CLEARING,
        ChartCode.LOANS,
        ChartCode.SETTLEMENT_AGENT,
        ChartCode.SUSPENSE,
        ChartCode.INTEREST_EXPENSE,
        ChartCode.RECONCILIATION_LOSSES,
        ChartCode.FX_POSITION,
        ChartCode.FX_ROUNDING,
        ChartCode.BILATERAL_EXPOSURES_CONTRA,
    }
)

CHART: dict[ChartCode, ChartLine] = {
    code: ChartLine(code, Side.DEBIT if code in DEBIT_NORMAL else Side.CREDIT) for code in ChartCode
}

CUSTOMER_CODES = frozenset({ChartCode.CUSTOMER_DEPOSITS, ChartCode.CUSTOMER_WALLETS})
"""Lines on which customers hold money."""

OPERATOR_CODES = frozenset(
    {
        ChartCode.SETTLEMENT_AGENT,
        ChartCode.SETTLEMENT_POSITIONS,
        ChartCode.SETTLEMENT_RESERVES,
        ChartCode.BILATERAL_EXPOSURES,
        ChartCode.BILATERAL_EXPOSURES_CONTRA,
    }
)
"""Lines that only the book of a scheme's operator has: no participant reports them."""
