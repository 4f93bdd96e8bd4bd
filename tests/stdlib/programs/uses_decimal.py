import decimal
from decimal import Decimal


def main():
    decimal.setcontext(decimal.Context(prec=12))
    one = Decimal("1.10")
    sums = (
        one + 2,
        one * one,
        one / 3,
        one - Decimal("1e-3"),
        one % Decimal("0.3"),
        divmod(Decimal(7), Decimal("2.5")),
        -one,
    )
    whole = one.quantize(Decimal("0.1"), rounding=decimal.ROUND_HALF_UP), round(Decimal("2.5")), int(Decimal("-3.7"))
    texts = (
        str(Decimal("1E+5")),
        f"{Decimal('1234.5'):,.2f}",
        Decimal("12.300").normalize().as_tuple(),
        repr(Decimal("NaN")),
    )
    roots = Decimal(2).sqrt(), Decimal(2).ln(), Decimal("0.5").exp(), Decimal(2) ** Decimal("0.5")
    order = max(one, Decimal("1.2")), one.compare(Decimal("1.1")), one == Decimal("1.1"), one < 2
    flags = []
    with decimal.localcontext() as context:
        context.prec = 3
        flags.append(Decimal(1) / Decimal(7))
        flags.append(bool(context.flags[decimal.Inexact]))
    try:
        Decimal(1) / Decimal(0)
    except decimal.DivisionByZero as error:
        flags.append(str(error))
    return [str(each) for each in (*sums, *whole, *texts, *roots, *order, *flags)]
