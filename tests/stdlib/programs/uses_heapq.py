import heapq


def main():
    heap = []
    for number in (5, 1, 8, 3, 9, 2):
        heapq.heappush(heap, number)
    smallest = [heapq.heappop(heap), heapq.heappushpop(heap, 4), heapq.heapreplace(heap, 7)]
    other = [6, 2, 9, 1]
    heapq.heapify(other)
    merged = list(heapq.merge([1, 4, 7], [2, 5], [3], key=lambda x: x))
    turned = list(heapq.merge([7, 4], [5, 2], reverse=True))
    pairs = heapq.nlargest(2, ["a", "ccc", "bb"], key=len), heapq.nsmallest(2, [3, 1, 2])
    return smallest, heap, other, merged, turned, pairs
