class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y


def main(n=30000):
    a, b = Point(1, 2), Point(3, 4)
    for _ in range(n):
        a.x += b.y - b.x
        b.y = a.x & 1023
        b.x = a.y ^ b.y
    return a.x, b.y
