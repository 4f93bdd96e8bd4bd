from fractions import Fraction


def main():
    third = Fraction(1, 3)
    made = [Fraction("3/7"), Fraction("-1.25e1"), Fraction(0.5), Fraction(0.125), Fraction(third)]
    sums = [third + 1, 2 - third, third * made[0], third / 2, made[1] // third, made[1] % third, divmod(made[0], third)]
    powers = third**2, third**-2, Fraction(4, 9) ** 0.5
    near = Fraction(3141592653589793, 1000000000000000).limit_denominator(1000)
    rounded = round(Fraction(22, 7), 2), int(made[1]), -third, abs(made[1]), bool(Fraction(0))
    order = sorted(made), third < 0.5, third == Fraction(2, 6), hash(Fraction(4, 2)) == 2
    try:
        Fraction(1, 0)
    except ZeroDivisionError as error:
        return made, sums, powers, near, rounded, order, str(error)
