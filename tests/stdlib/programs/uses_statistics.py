import statistics


def main():
    data = [2.5, 3.25, 5.5, 11.5, 11.75]
    middle = statistics.mean(data), statistics.median([1, 3, 5, 7]), statistics.median_grouped([1, 3, 3, 5])
    spread = statistics.pvariance(data), statistics.stdev(data), statistics.variance([1, 2, 4])
    modes = statistics.multimode("aabbc"), statistics.mode([1, 1, 2])
    parts = statistics.quantiles(range(1, 12), n=4, method="inclusive")
    other = statistics.geometric_mean([1.0, 4.0]), statistics.harmonic_mean([40, 60]), statistics.fmean(data)
    line = statistics.linear_regression([1, 2, 3], [2.0, 4.1, 5.9])
    bell = statistics.NormalDist(100, 15)
    shares = round(bell.cdf(115), 9), round(bell.inv_cdf(0.9), 6), bell + 5, bell.overlap(statistics.NormalDist(90, 9))
    try:
        statistics.mean([])
    except statistics.StatisticsError as error:
        return middle, spread, modes, parts, other, tuple(line), repr(shares), str(error)
