"""A single neuron with its numbers, and the layers of a fully connected network."""

import networkx as nx
import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch

from lib import style


def _circle(ax, centre, radius, text, colour="white"):
    ax.add_patch(Circle(centre, radius, facecolor=colour, edgecolor=style.GREY, linewidth=0.9, zorder=3))
    ax.text(*centre, text, ha="center", va="center", fontsize=9, zorder=4)


def _link(ax, start, end, text=None, place=0.4):
    """Draw an arrow; the text stands on it, `place` of the way."""
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=9,
            color=style.GREY,
            linewidth=0.9,
            shrinkA=0,
            shrinkB=0,
        )
    )
    if text:
        middle = np.add(start, place * np.subtract(end, start))
        background = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        ax.text(*middle, text, ha="center", va="center", fontsize=9, bbox=background)


def draw_neuron(ax, inputs, weights, bias, activation):
    """Draw a neuron with its numbers: inputs times weights, sum with bias, activation, output.

    `inputs` and `weights` are vectors of one length, `bias` a number, `activation` a function of one
    number. The sum and the output are computed here, so the picture cannot disagree with the formula.
    Thesis 2.1, Abb. 1.
    """
    total = float(np.dot(inputs, weights) + bias)
    output = float(activation(total))
    heights = np.linspace(1.6, -1.6, len(inputs) + 1)
    sources = [f"$x_{{{number}}} = {value:g}$" for number, value in enumerate(inputs, 1)] + ["$1$"]
    factors = [f"$w_{{{number}}} = {weight:g}$" for number, weight in enumerate(weights, 1)] + [
        f"$b = {bias:g}$"
    ]
    for height, source, factor in zip(heights, sources, factors, strict=True):
        _circle(ax, (0, height), 0.4, source, style.LIGHT if source == "$1$" else "white")
        towards_sum = np.array([3.5, -height]) / np.hypot(3.5, height)
        start, end = (0, height) + 0.4 * towards_sum, (3.5, 0) - 0.55 * towards_sum
        _link(ax, start, end, factor)
    _circle(ax, (3.5, 0), 0.55, "$\\Sigma$", "#DCEBF7")
    _link(ax, (4.05, 0), (5.15, 0))
    ax.text(4.6, 0.18, f"${total:.4g}$", ha="center", fontsize=9)
    _circle(ax, (5.7, 0), 0.55, "$f$", "#FBE6DA")
    _link(ax, (6.25, 0), (7.3, 0))
    ax.text(7.35, 0, f"$y = {output:.4g}$", ha="left", va="center", fontsize=9)
    for x, name in [(0, "inputs"), (1.6, "weights"), (3.5, "sum"), (5.7, "activation"), (7.9, "output")]:
        ax.text(x, 2.15, name, ha="center", va="baseline", fontsize=9)
    ax.set(xlim=(-0.5, 8.6), ylim=(-2.1, 2.4), aspect="equal")
    style.bare(ax)


def draw_dense_layers(ax, model, names, kept=None):
    """Draw every neuron and every weight of a Keras model of dense layers.

    `names` has one name for the input and one for each dense layer; other layers are not drawn. A line is a
    weight, wide where it is large, blue where it is positive and orange where it is negative. `kept` has, for
    the input and for each dense layer, the truth that a unit is there: the others are crossed out and have no
    weights. Raises ValueError for a `kept` of other sizes. Thesis 3.1.5, Abb. 18, and 5.5.1, Abb. 32.
    """
    kernels = [np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")]
    sizes = [kernels[0].shape[0]] + [kernel.shape[1] for kernel in kernels]
    kept = [np.ones(size, bool) for size in sizes] if kept is None else kept
    if [len(units) for units in kept] != sizes:
        raise ValueError(f"The layers have {sizes} units, `kept` has {[len(units) for units in kept]}.")
    graph = _graph(kernels, kept)
    positions = {(layer, unit): (layer, (sizes[layer] - 1) / 2 - unit) for layer, unit in graph.nodes}
    weights = np.array([graph.edges[edge]["weight"] for edge in graph.edges])
    largest = max(np.abs(kernel).max() for kernel in kernels)
    nx.draw_networkx_edges(
        graph,
        positions,
        ax=ax,
        width=1.8 * np.abs(weights) / largest + 0.2,
        edge_color=np.where(weights > 0, style.BLUE, style.VERMILLION).tolist(),
    )
    circle = {"node_size": min(130, 4000 / max(sizes) ** 1.5), "edgecolors": style.GREY, "linewidths": 0.9}
    nx.draw_networkx_nodes(graph, positions, ax=ax, node_color="white", **circle)
    dropped = np.array([positions[layer, unit] for layer, unit in graph.nodes if not kept[layer][unit]])
    if len(dropped):
        ax.scatter(*dropped.T, circle["node_size"], style.GREY, marker="x", linewidths=0.9, zorder=3)
    for layer, name in enumerate(names):
        ax.text(layer, -max(sizes) / 2 - 0.55, name, ha="center", va="top", fontsize=9)
        ax.text(layer, max(sizes) / 2 + 0.1, f"{np.sum(kept[layer])}", ha="center", va="bottom", fontsize=8)
    ax.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-max(sizes) / 2 - 1.5, max(sizes) / 2 + 0.8))
    style.bare(ax)


def _graph(kernels, kept):
    """Return the graph of all units, (layer, unit), and of the weights between those that are kept."""
    graph = nx.Graph()
    for layer, units in enumerate(kept):
        graph.add_nodes_from(((layer, unit) for unit in range(len(units))), layer=layer)
    for layer, kernel in enumerate(kernels):
        for (source, target), weight in np.ndenumerate(kernel):
            if kept[layer][source] and kept[layer + 1][target]:
                graph.add_edge((layer, source), (layer + 1, target), weight=float(weight))
    return graph
