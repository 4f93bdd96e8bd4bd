import bisect


def main():
    rows = [1, 3, 3, 5, 9]
    places = [bisect.bisect_left(rows, 3), bisect.bisect_right(rows, 3), bisect.bisect(rows, 10, 1, 4)]
    bisect.insort(rows, 4)
    bisect.insort_left(rows, 3)
    words = ["a", "bb", "dddd"]
    bisect.insort(words, "ccc", key=len)
    try:
        bisect.bisect_left(rows, 1, -1)
    except ValueError as error:
        places.append(str(error))
    return rows, places, words
