class Guard:
    def __init__(self):
        self.depth = 0

    def __enter__(self):
        self.depth += 1
        return self

    def __exit__(self, kind, value, traceback):
        self.depth -= 1
        return False


def main(n=12000):
    guard = Guard()
    done = 0
    for i in range(n):
        try:
            with guard as held:
                done += held.depth
        finally:
            done += i & 1
    return done
