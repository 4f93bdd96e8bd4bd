def main(n=9000):
    parts = []
    for i in range(n):
        word = f"{i:x}-{i % 7}"
        parts.append(word.upper() if i & 1 else word)
    text = ",".join(parts)
    return len(text), text.count("A"), text[:9]
