"""The architecture of a Keras model, drawn from the model object: blocks, branches, skips, sizes.

A network says how its layers belong together by their names: "fire2.squeeze" is the layer squeeze of
the block fire2 (Keras forbids "/" in names); a layer without a dot stands alone. Nothing else is
needed: steps() reads the graph, collapsed() makes one box of every block, folded() writes repeated
blocks once, draw() lays out and draws. Thesis 5.3, Abb. 26 to 30.
"""

import re
from dataclasses import dataclass

import keras
import networkx as nx
from matplotlib.patches import FancyArrowPatch, Rectangle

from lib import style

COLOURS = {
    "input": "white",
    "convolution": "#CFE3F2",
    "pointwise": "#E6F2FB",
    "depthwise": "#CBEBE0",
    "pooling": "#FBE9C6",
    "dense": "#F3DDE9",
    "block": "#CFE3F2",
    "other": style.LIGHT,
}
ROW, BOX_HEIGHT, GAP, CIRCLE = 0.72, 0.45, 0.3, 0.15  # centimetres
CHARACTER, MARGIN = 0.137, 0.3  # width of a letter of 8 points, and of a box beside its text
HEADING = 0.8  # rows that a heading takes
LINE = {"color": style.GREY, "linewidth": 0.8}


@dataclass(frozen=True)
class Step:
    """One box: its block, what it is, its text, the output's shape without the batch.

    `before` and `after` name the activations in front of it and behind it, `times` says how many equal
    blocks its block stands for.
    """

    block: str
    kind: str
    text: str
    shape: tuple
    before: str = ""
    after: str = ""
    times: int = 1


def _kernel(layer, word, channels=None):
    rows, columns = layer.kernel_size
    stride = "" if set(layer.strides) == {1} else f", /{layer.strides[0]}"
    groups = f", {layer.groups} groups" if getattr(layer, "groups", 1) > 1 else ""
    return f"{word} {rows}×{columns}{f', {channels}' if channels else ''}{stride}{groups}"


def _convolution(layer):
    kind = "pointwise" if set(layer.kernel_size) == {1} else "convolution"
    return kind, _kernel(layer, "conv", layer.filters)


def _pooling(layer, word):
    return "pooling", f"{word} {layer.pool_size[0]}×{layer.pool_size[1]}, /{layer.strides[0]}"


DESCRIPTIONS = {
    keras.layers.InputLayer: lambda layer: ("input", "input"),
    keras.layers.Conv2D: _convolution,
    keras.layers.SeparableConv2D: lambda layer: ("depthwise", _kernel(layer, "separable", layer.filters)),
    keras.layers.DepthwiseConv2D: lambda layer: ("depthwise", _kernel(layer, "depthwise")),
    keras.layers.MaxPooling2D: lambda layer: _pooling(layer, "max"),
    keras.layers.AveragePooling2D: lambda layer: _pooling(layer, "average"),
    keras.layers.GlobalAveragePooling2D: lambda layer: ("pooling", "global average"),
    keras.layers.GlobalMaxPooling2D: lambda layer: ("pooling", "global max"),
    keras.layers.Dense: lambda layer: ("dense", f"dense {layer.units}"),
    keras.layers.Add: lambda layer: ("sum", "+"),
    keras.layers.Concatenate: lambda layer: ("other", "concatenate"),
}
DRESS = (
    keras.layers.BatchNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.ZeroPadding2D,
    keras.layers.Rescaling,
)  # without a box of their own: they belong to the step in front of them, or else to the one behind


def _words(name):
    """Return "unit normalization" for "UnitNormalization"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _activation(layer):
    if isinstance(layer, keras.layers.ReLU):
        return "relu"
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", "linear")
    return "" if name == "linear" else name


def _step(layer):
    """Return the Step of one layer; a kind of layer that is not known here shows the words of its class's name."""
    describe = DESCRIPTIONS.get(type(layer), lambda layer: ("other", _words(type(layer).__name__)))
    kind, text = describe(layer)
    block = layer.name.rpartition(".")[0] or layer.name
    return Step(block, kind, text, tuple(layer.output.shape[1:]), after=_activation(layer))


def _layers(model):
    """Return the graph of a model's layers, by name, in the order of the model."""
    layers = {layer.name: layer for layer in model.layers}
    producers = {id(layer.output): name for name, layer in layers.items()}
    graph = nx.DiGraph()
    if not any(isinstance(layer, keras.layers.InputLayer) for layer in model.layers):
        start = Step("input", "input", "input", tuple(model.input_shape[1:]))
        graph.add_node("input", step=start, dress=False)
        producers[id(model.inputs[0])] = "input"
    for name, layer in layers.items():
        graph.add_node(name, step=_step(layer), dress=isinstance(layer, DRESS))
        if not isinstance(layer, keras.layers.InputLayer):
            inputs = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
            graph.add_edges_from((producers[id(tensor)], name) for tensor in inputs)
    return graph


def steps(model):
    """Return the graph (networkx) of a model's steps, each node with its `step`.

    `model` is a built sequential or functional Keras model in which every layer is used once. Batch
    normalisation, activations, dropout, padding and reshaping get no step of their own.
    """
    graph = _layers(model)
    for name in [name for name in graph if graph.nodes[name]["dress"]]:
        dress = graph.nodes[name]["step"]
        (source,) = graph.predecessors(name)
        alone = graph.out_degree(source) == 1
        host = source if alone or graph.out_degree(name) != 1 else next(graph.successors(name))
        step = graph.nodes[host]["step"]
        if host == source:
            changed = {"after": step.after or dress.after, "shape": _longer(step.shape, dress.shape)}
        else:
            changed = {"before": step.before or dress.after}
        graph.nodes[host]["step"] = Step(**(vars(step) | changed))
        graph.add_edges_from((source, target) for target in list(graph.successors(name)))
        graph.remove_node(name)
    return graph


def _longer(shape, other):
    """Return the shape with more axes: flattening and padding do not hide what a step gave."""
    return shape if len(shape) >= len(other) else other


def _blocks(graph):
    """Return {block: its nodes}, in topological order."""
    order = list(nx.lexicographical_topological_sort(graph, key=list(graph).index))
    blocks = {}
    for name in order:
        blocks.setdefault(graph.nodes[name]["step"].block, []).append(name)
    return blocks


def collapsed(graph):
    """Return the graph in which each block of several steps is one step with its name and channels.

    Sums stay beside it, so that bypasses of whole blocks are seen.
    """
    home = {}
    result = nx.DiGraph()
    for block, names in _blocks(graph).items():
        inner = [name for name in names if graph.nodes[name]["step"].kind != "sum"]
        step = graph.nodes[inner[-1]]["step"] if inner else None
        if len(inner) > 1:
            name = re.sub(r"_?(\d+)$", r" \1", block)
            step = Step(block, "block", f"{name}, {step.shape[-1]}", step.shape)
        if inner:
            result.add_node(inner[-1], step=step)
        home |= dict.fromkeys(inner, inner[-1] if inner else None)
        for name in set(names) - set(inner):
            result.add_node(name, step=graph.nodes[name]["step"])
            home[name] = name
    result.add_edges_from((home[a], home[b]) for a, b in graph.edges if home[a] != home[b])
    return result


def _signature(graph, names):
    """Return what two blocks must have in common to be drawn as one."""
    place = {name: number for number, name in enumerate(names)}
    looks = [(step.kind, step.text, step.shape) for step in (graph.nodes[name]["step"] for name in names)]
    sources = [sorted(place.get(source, -1) for source in graph.predecessors(name)) for name in names]
    return tuple(looks), tuple(map(tuple, sources))


def folded(graph):
    """Return the graph in which blocks that follow each other and are equal stand there once, with `times`."""
    result, first = graph.copy(), None
    for names in _blocks(graph).values():
        signature = _signature(graph, names)
        if first and signature == first[0] and nx.has_path(graph, first[1][-1], names[-1]):
            for kept, name in zip(first[1], names, strict=True):
                step = result.nodes[kept]["step"]
                result.nodes[kept]["step"] = Step(**(vars(step) | {"times": step.times + 1}))
                targets = [target for target in result.successors(name) if target not in names]
                result.add_edges_from((kept, target) for target in targets)
            result.remove_nodes_from(names)
        else:
            first = signature, names
    return result


@dataclass(frozen=True)
class _Column:
    """A part of a graph that is drawn from top to bottom.

    `entry` are the nodes that are fed from above, `exits` those that feed the next column. `rows` and
    `lanes` are {node: number}, `skips` {(from, to): lane} of the edges that pass steps by; `centres` are
    {lane: x}, and `widths` {lane: width of its boxes}.
    """

    graph: nx.DiGraph
    entry: list
    exits: set
    rows: dict
    lanes: dict
    skips: dict
    centres: dict
    widths: dict
    left: float
    right: float

    def step(self, name):
        return self.graph.nodes[name]["step"]

    def place(self, name):
        return self.centres[self.lanes[name]], -ROW * self.rows[name]

    def half(self, name):
        """Return (half the width, half the height) of a node."""
        if self.step(name).kind == "sum":
            return CIRCLE, CIRCLE
        return self.widths[self.lanes[name]] / 2, BOX_HEIGHT / 2


def _parts(graph, beginnings):
    """Return lists of nodes, one for each column; the first block whose name begins so begins a new one."""
    parts, waiting = [[]], list(beginnings)
    for block, names in _blocks(graph).items():
        begins = next((start for start in waiting if block.startswith(start)), None)
        if begins:
            waiting.remove(begins)
            parts.append([])
        parts[-1] += names
    return [part for part in parts if part]


def _rows(graph, headings):
    """Return {node: row}, from the top; the first block under a heading leaves room above it."""
    rows, first = {}, {}
    for name, step in graph.nodes(data="step"):
        sources = list(graph.predecessors(name))
        rows[name] = 1 + max((rows[source] for source in sources), default=-1)
        heading = next((start for start in headings if step.block.startswith(start)), None)
        enters = all(graph.nodes[source]["step"].block != step.block for source in sources)
        if heading and enters and first.setdefault(heading, step.block) == step.block:
            rows[name] += HEADING
    return rows


def _lanes(graph, rows, entry):
    """Return ({node: lane}, {edge: lane}): the longest path is lane 0, branches and skips go to its right."""
    spine = nx.dag_longest_path(graph, default_weight=1)
    lanes, skips, taken = dict.fromkeys(spine, 0), {}, []

    def free(start, end):
        lane = 1
        while any(lane == other and start < last and first < end for other, first, last in taken):
            lane += 1
        taken.append((lane, start, end))
        return lane

    rest = graph.subgraph(set(graph) - set(spine)).copy()
    while rest:
        branch = nx.dag_longest_path(rest, default_weight=1)
        ends = [rows[target] for name in branch for target in graph.successors(name)]
        lanes |= dict.fromkeys(branch, free(rows[branch[0]] - 0.5, max(ends, default=rows[branch[-1]])))
        rest.remove_nodes_from(branch)
    edges = {(None, name): (min(rows.values()) - 1, rows[name]) for name in entry}
    edges |= {(a, b): (rows[a], rows[b]) for a, b in graph.edges if lanes[a] == lanes[b]}
    for (a, b), (start, end) in sorted(edges.items(), key=lambda edge: edge[1]):
        if lanes[b] == 0 and end - start > 1 + HEADING:
            skips[a, b] = free(start + 0.5, end)
    return lanes, skips


def _width(step):
    return 0.0 if step.kind == "sum" else CHARACTER * len(step.text) + MARGIN


def _column(graph, names, headings, left):
    """Return the _Column of some nodes, whose left end is at `left`; raises ValueError as draw does."""
    part = nx.DiGraph()
    part.add_nodes_from((name, graph.nodes[name]) for name in names)
    part.add_edges_from(graph.subgraph(names).edges)
    outside = [(a, b) for a, b in graph.edges if b in part and a not in part]
    if len({a for a, _ in outside}) > 1:
        raise ValueError(f"The column that begins with '{names[0]}' is fed by more than one step.")
    rows = _rows(part, headings)
    entry = [b for _, b in outside]
    exits = {a for a, b in graph.edges if a in part and b not in part}
    lanes, skips = _lanes(part, rows, entry)
    longest = max(len(size_text(step.shape)) for name, step in part.nodes(data="step") if lanes[name] == 0)
    right, centres, widths = left + CHARACTER * longest + GAP, {}, {}
    for lane in range(1 + max([*lanes.values(), *skips.values()])):
        widths[lane] = max((_width(part.nodes[n]["step"]) for n in lanes if lanes[n] == lane), default=0.0)
        centres[lane] = right + widths[lane] / 2
        right += widths[lane] + GAP
    return _Column(part, entry, exits, rows, lanes, skips, centres, widths, left, right)


def size_text(shape):
    """Return a shape as text, "55×55×96"."""
    return "×".join(map(str, shape))


def draw(ax, graph, columns=(), headings=None):
    """Draw a graph of steps from top to bottom; return {node: (x, y)} of the centres, in centimetres.

    The first block whose name starts with one of `columns` begins a new column; `headings` are {start of
    a block's name: text above it}. Sizes stand to the left of the boxes where they change. A thick orange
    edge is an activation, in front of the step or behind it; a grey ground holds the steps of a block, and
    says how often it is repeated. The limits of the axes are the natural size in centimetres, for texts of
    8 points: make the axes no smaller. Raises ValueError where a column is fed by more than one step.
    """
    places, left, bottom = {}, 0.0, 0.0
    for names in _parts(graph, columns):
        column = _column(graph, names, headings or {}, left)
        _draw_grounds(ax, column)
        _draw_edges(ax, column)
        for name in names:
            _draw_step(ax, column, name)
        _draw_headings(ax, column, headings or {})
        places |= {name: column.place(name) for name in names}
        left, bottom = column.right + GAP, min(bottom, *(y for _, y in places.values()))
    ax.set(xlim=(0, column.right), ylim=(bottom - ROW, ROW / 2))
    style.bare(ax)
    return places


def _draw_step(ax, column, name):
    step, (x, y), (half, height) = column.step(name), column.place(name), column.half(name)
    if step.kind == "sum":
        edge = style.VERMILLION if step.after else style.GREY
        ground = {"boxstyle": "circle,pad=0.1", "facecolor": "white", "edgecolor": edge, "linewidth": 0.8}
        ax.text(x, y, step.text, ha="center", va="center", fontsize=8, bbox=ground, zorder=4)
        return
    look = {"facecolor": COLOURS[step.kind], "edgecolor": style.GREY, "linewidth": 0.8, "zorder": 3}
    ax.add_patch(Rectangle((x - half, y - height), 2 * half, 2 * height, **look))
    ax.text(x, y, step.text, ha="center", va="center", fontsize=8, zorder=4)
    for activation, edge in [(step.before, y + height), (step.after, y - height)]:
        if activation:
            ax.plot([x - half, x + half], [edge, edge], color=style.VERMILLION, linewidth=2, zorder=4)
    sources = [column.step(source).shape for source in column.graph.predecessors(name)]
    if column.lanes[name] == 0 and step.shape not in sources:
        look = {"ha": "right", "va": "center", "fontsize": 8, "color": style.GREY}
        ax.text(x - half - 0.15, y, size_text(step.shape), **look)


def _draw_edges(ax, column):
    """Draw every edge of a column: straight down, out to a lane on the right, or back from one."""
    above = ROW / 2 + max(column.place(name)[1] for name in column.graph)
    for a, b in [*column.graph.edges, *((None, name) for name in column.entry)]:
        x, start = (column.centres[0], above) if a is None else column.place(a)
        split = start if a is None else start - ROW / 2
        (end_x, end_y), (half, height) = column.place(b), column.half(b)
        if (a, b) in column.skips:
            aside = column.centres[column.skips[a, b]]
            corners = [(x, split), (aside, split), (aside, end_y), (end_x + half, end_y)]
        elif x == end_x:
            corners = [(end_x, end_y + height)]
        elif end_x > x:
            corners = [(x, split), (end_x, split), (end_x, end_y + height)]
        else:
            corners = [(x, end_y), (end_x + half, end_y)]
        _draw_arrow(ax, [(x, start), *corners])
    for name in column.exits:
        x, y = column.place(name)
        _draw_arrow(ax, [(x, y), (x, y - ROW)])


def _draw_arrow(ax, points):
    """Draw a line along points, with an arrow at its end; boxes cover where it starts."""
    line = {"color": style.GREY, "linewidth": 0.8, "zorder": 2}
    ax.plot(*zip(*points[:-1], strict=True), solid_joinstyle="round", **line)
    ax.add_patch(
        FancyArrowPatch(*points[-2:], arrowstyle="-|>", mutation_scale=6, shrinkA=0, shrinkB=0, **line)
    )


def _draw_grounds(ax, column):
    """Draw the ground of every block of several steps, and how often a block is repeated."""
    for names in _blocks(column.graph).values():
        times = column.step(names[0]).times
        if len(names) == 1 and times == 1:
            continue
        (xs, ys), halves = zip(*map(column.place, names), strict=True), map(column.half, names)
        halves = [half for half, _ in halves]
        skips = [column.centres[lane] for (_, b), lane in column.skips.items() if b in names]
        left = min(x - half for x, half in zip(xs, halves, strict=True)) - 0.1
        right = max([*(x + half for x, half in zip(xs, halves, strict=True)), *skips]) + 0.1
        low, high = min(ys) - ROW / 2 + 0.05, max(ys) + ROW / 2 - 0.05
        ground = Rectangle((left, low), right - left, high - low, facecolor="#F2F2F2", linewidth=0, zorder=0)
        ax.add_patch(ground)
        if times > 1:
            look = {"ha": "right", "va": "center", "fontsize": 8, "color": style.VERMILLION}
            ax.text(left - 0.05, ys[-1], f"{times} times", **look)


def _draw_headings(ax, column, headings):
    for start, text in headings.items():
        names = [name for name, step in column.graph.nodes(data="step") if step.block.startswith(start)]
        if names:
            highest = max(column.place(name)[1] for name in names)
            ax.text(column.left, highest + 0.8 * ROW, text, va="center", fontsize=9, fontweight="bold")
