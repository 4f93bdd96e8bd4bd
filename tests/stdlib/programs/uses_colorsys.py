import colorsys


def main():
    found = []
    for red, green, blue in ((0.2, 0.4, 0.4), (1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.1, 0.9, 0.3)):
        hls = colorsys.rgb_to_hls(red, green, blue)
        hsv = colorsys.rgb_to_hsv(red, green, blue)
        yiq = colorsys.rgb_to_yiq(red, green, blue)
        found.append((hls, colorsys.hls_to_rgb(*hls), hsv, colorsys.hsv_to_rgb(*hsv), yiq, colorsys.yiq_to_rgb(*yiq)))
    return found
