"""Bars and lines as SVG, by plain Python: what the benches draw."""
import math

COLOURS = ["#c0392b", "#2c6fbb", "#e08e0b", "#3a9d5d", "#7d5ba6", "#7f8c8d", "#16a085", "#d35400"]
FONT = 'font-family="sans-serif" font-size="%d"'


def text(x, y, words, size=11, anchor="start", turn=0):
    turned = ' transform="rotate(%d %.1f %.1f)"' % (turn, x, y) if turn else ""
    words = str(words).replace("&", "&amp;").replace("<", "&lt;")
    return '<text x="%.1f" y="%.1f" %s text-anchor="%s"%s>%s</text>' % (
        x, y, FONT % size, anchor, turned, words)


def line(x1, y1, x2, y2, colour="#cccccc", width=1):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%s"/>' % (
        x1, y1, x2, y2, colour, width)


def write(path, width, height, shapes):
    with open(path, "w", encoding="utf-8") as out:
        out.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
                  'viewBox="0 0 %d %d">\n<rect width="100%%" height="100%%" fill="white"/>\n' % (
                      width, height, width, height))
        out.write("\n".join(shapes) + "\n</svg>\n")


class Logarithmic:
    """Values to pixels, whole powers of ten at both ends."""

    def __init__(self, values, low, high):
        values = [v for v in values if v > 0] or [1]
        self.first = math.floor(math.log10(min(values)))
        self.last = max(self.first + 1, math.ceil(math.log10(max(values))))
        self.low, self.high = low, high

    def __call__(self, value):
        share = (math.log10(max(value, 10.0 ** self.first)) - self.first) / (self.last - self.first)
        return self.low + share * (self.high - self.low)

    def ticks(self):
        return [10.0 ** n for n in range(self.first, self.last + 1)]


def number(value):
    return "%g" % value if value < 10000 else "%.0fk" % (value / 1000)


def key(names, x, y):
    shapes = []
    for i, name in enumerate(names):
        shapes.append('<rect x="%d" y="%d" width="10" height="10" fill="%s"/>' % (
            x, y + 16 * i, COLOURS[i % len(COLOURS)]))
        shapes.append(text(x + 15, y + 16 * i + 9, name))
    return shapes


def bars(path, title, unit, panels, sides):
    """One panel a row: panels = [(name, [(group, {side: value})])]; logarithmic."""
    width, tall, left, right, top = 1060, 170, 60, 190, 46
    shapes = [text(left, 20, title, 14)] + key(sides, width - right + 16, top)
    values = [v for _, groups in panels for _, cell in groups for v in cell.values()]
    for n, (name, groups) in enumerate(panels):
        low, high = top + (n + 1) * tall - 26, top + n * tall + 8
        scale = Logarithmic(values, low, high)
        for tick in scale.ticks():
            y = scale(tick)
            shapes += [line(left, y, width - right, y),
                       text(left - 5, y + 4, number(tick), 10, "end")]
        shapes.append(text(14, (low + high) / 2, "%s, %s" % (name, unit), 11, "middle", -90))
        room = (width - right - left) / max(1, len(groups))
        for g, (group, cell) in enumerate(groups):
            wide = room * 0.8 / len(sides)
            for s, side in enumerate(sides):
                if cell.get(side, 0) <= 0:
                    continue
                x, y = left + g * room + room * 0.1 + s * wide, scale(cell[side])
                shapes.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (
                    x, y, wide * 0.9, low - y, COLOURS[s % len(COLOURS)]))
            shapes.append(text(left + (g + 0.5) * room, low + 14, group, 11, "middle"))
    write(path, width, top + len(panels) * tall + 10, shapes)


def lines(path, title, x_name, y_name, series):
    """series = {name: [(x, y)]}; both ways logarithmic."""
    width, height, left, right, top, bottom = 760, 420, 70, 200, 40, 50
    points = [p for some in series.values() for p in some]
    across = Logarithmic([p[0] for p in points], left, width - right)
    up = Logarithmic([p[1] for p in points], height - bottom, top)
    shapes = [text(left, 22, title, 14), text((left + width - right) / 2, height - 12, x_name, 11,
                                              "middle"),
              text(18, height / 2, y_name, 11, "middle", -90)]
    for tick in across.ticks():
        shapes += [line(across(tick), top, across(tick), height - bottom),
                   text(across(tick), height - bottom + 16, number(tick), 10, "middle")]
    for tick in up.ticks():
        shapes += [line(left, up(tick), width - right, up(tick)),
                   text(left - 5, up(tick) + 4, number(tick), 10, "end")]
    for i, some in enumerate(series.values()):
        colour, some = COLOURS[i % len(COLOURS)], sorted(some)
        for (x1, y1), (x2, y2) in zip(some, some[1:]):
            shapes.append(line(across(x1), up(y1), across(x2), up(y2), colour, 2))
        shapes += ['<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>' % (across(x), up(y), colour)
                   for x, y in some]
    write(path, width, height, shapes + key(list(series), width - right + 16, top))
