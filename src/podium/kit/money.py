"""Money as integers: prices in pico-dollars a token, amounts in nano-dollars, text in JSON.

A dollar per million tokens is a million pico-dollars per token, so every published price is whole.
"""

from decimal import Decimal, InvalidOperation

PICO_PER_NANO = 1_000
NANO_PER_DOLLAR = 1_000_000_000
_MOST_DOLLARS_PER_MILLION = Decimal(1_000_000)


def pico_per_token(dollars_per_million: str) -> int:
    """Turn "0.15" (dollars per million tokens) into 150_000 (pico-dollars per token).

    Raises:
        ValueError: not a decimal number, negative, absurdly large, or finer than a pico-dollar.
    """
    try:
        price = Decimal(dollars_per_million)
    except InvalidOperation:
        raise ValueError(f"{dollars_per_million!r} is not a decimal number") from None
    if not price.is_finite() or price < 0 or price > _MOST_DOLLARS_PER_MILLION:
        raise ValueError(f"{dollars_per_million!r} is not a price in dollars per million tokens")
    pico = price * 1_000_000
    if pico != pico.to_integral_value():
        raise ValueError(f"{dollars_per_million!r} is finer than a millionth of a dollar per million tokens")
    return int(pico)


def nano_from_pico(pico: int) -> int:
    """Pico-dollars rounded up to whole nano-dollars: a call never costs less than was used."""
    return -(-pico // PICO_PER_NANO)


def dollars(nano: int) -> str:
    """Nano-dollars as a decimal string of dollars: 1_500 becomes "0.0000015"."""
    if not nano:
        return "0"
    sign, nano = ("-", -nano) if nano < 0 else ("", nano)
    whole, fraction = divmod(nano, NANO_PER_DOLLAR)
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:09d}".rstrip("0")


def nano(text: str) -> int:
    """The way back from `dollars`: "0.0000015" becomes 1_500."""
    return int(Decimal(text) * NANO_PER_DOLLAR)
