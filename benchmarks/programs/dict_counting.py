def main(n=40000):
    counts = {}
    for i in range(n):
        key = (i * 7919) % 211
        counts[key] = counts.get(key, 0) + 1
    return max(counts.values()), len(counts)
