"""Prefix codes drawn as binary trees. Thesis 4.3."""

from itertools import pairwise

from lib import style


def draw_code_tree(ax, codes, counts):
    """Draw a prefix code {symbol: "010"} as a tree: 0 leads to the left, 1 to the right.

    Leaves, in the order of their codes from left to right, bear the symbol and its code, inner nodes the sum of the
    `counts` {symbol: number} below them. Raises ValueError where one code is the start of another.
    """
    order = sorted(codes, key=codes.get)
    if any(codes[b].startswith(codes[a]) for a, b in pairwise(order)):
        raise ValueError("In a prefix code no code is the start of another.")
    places = {codes[symbol]: float(place) for place, symbol in enumerate(order)}
    sums = {codes[symbol]: counts[symbol] for symbol in order}
    inner = sorted({code[:end] for code in codes.values() for end in range(len(code))}, key=len, reverse=True)
    for node in inner:
        children = [node + digit for digit in "01" if node + digit in places]
        places[node] = sum(places[child] for child in children) / len(children)
        sums[node] = sum(sums[child] for child in children)
        for child in children:
            ax.plot(
                [places[node], places[child]],
                [-len(node), -len(child)],
                color=style.GREY,
                linewidth=0.8,
                zorder=0,
            )
            middle = (places[node] + places[child]) / 2, -(len(node) + len(child)) / 2
            ax.text(
                *middle,
                child[-1],
                ha="center",
                va="center",
                fontsize=8,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )
    for node, number in sums.items():
        leaf = node in codes.values()
        face = style.SKY if leaf else style.LIGHT
        ax.text(
            places[node],
            -len(node),
            str(number),
            ha="center",
            va="center",
            fontsize=8,
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": face, "edgecolor": "none"},
        )
    for symbol in order:
        ax.text(
            places[codes[symbol]],
            -len(codes[symbol]) - 0.42,
            rf"$\mathrm{{{symbol}}}$" f"\n{codes[symbol]}",
            ha="center",
            va="top",
            fontsize=8,
        )
    style.bare(ax)
    ax.set(xlim=(-0.6, len(order) - 0.4), ylim=(-max(map(len, codes.values())) - 1.3, 0.4))
