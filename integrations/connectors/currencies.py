"""How many decimals a currency has (ISO 4217), and amounts written with all of them."""

from decimal import Decimal

# Every other currency has two.
_NONE = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_THREE = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_DECIMALS = {**dict.fromkeys(_NONE, 0), **dict.fromkeys(_THREE, 3)}


def decimals_of(currency: str) -> int:
    """Return how many decimals amounts of a currency have."""
    return _DECIMALS.get(currency.upper(), 2)


def written(amount: Decimal, currency: str) -> str | None:
    """Write an amount with the decimals of its currency; None if it has more.

    Nothing is rounded: 12.5 dollars are "12.50", and 12.505 are no amount of dollars.
    """
    decimals = decimals_of(currency)
    if amount != round(amount, decimals):
        return None
    return f"{amount:.{decimals}f}"
