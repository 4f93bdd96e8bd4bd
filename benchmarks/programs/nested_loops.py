def main(n=260):
    total = 0
    for i in range(n):
        for j in range(n):
            if (i ^ j) & 3:
                total += i * j
            else:
                total -= 1
    return total
