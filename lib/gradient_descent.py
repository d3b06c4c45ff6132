"""The three variants of gradient descent, as the thesis's Algorithms 1 to 3 mean them. Thesis 3.2.4.

Each is a generator that yields the parameters after every update. `gradient(parameters, x, y)`
returns the gradient of the MEAN loss over the samples x, y that it is given, in the shape of the
parameters; `rate` is the learning rate and `rounds` the number of passes over the data (epochs).
"""


def stochastic(gradient, parameters, x, y, rate, rounds, generator):
    """Update with one sample at a time: N updates a round. Thesis 3.2.4, Algorithm 1."""
    for _ in range(rounds):
        for sample in generator.permutation(len(x)):
            parameters = parameters - rate * gradient(parameters, x[[sample]], y[[sample]])
            yield parameters


def batch(gradient, parameters, x, y, rate, rounds):
    """Update with all samples at once: one update a round. Thesis 3.2.4, Algorithm 2."""
    for _ in range(rounds):
        parameters = parameters - rate * gradient(parameters, x, y)
        yield parameters


def mini_batch(gradient, parameters, x, y, rate, rounds, generator, size):
    """Update with `size` samples at a time: N / size updates a round, rounded up. Algorithm 3."""
    for _ in range(rounds):
        order = generator.permutation(len(x))
        for start in range(0, len(x), size):
            samples = order[start : start + size]
            parameters = parameters - rate * gradient(parameters, x[samples], y[samples])
            yield parameters
