"""The networks that Keras brings along, built without weights and counted. Thesis 2.3, 2.4, 4."""

from dataclasses import dataclass, field

import keras
import pandas as pd


@dataclass(frozen=True)
class Application:
    """A network of keras.applications, "MobileNet" for instance, with arguments of its function in `settings`."""

    name: str
    settings: dict = field(default_factory=dict)

    @property
    def cost(self):
        """Nothing is computed with the network."""
        return 0

    def compute(self):
        """Build the network and return {"parameters", "layers"}.

        "layers" is a frame with a row a layer, in the order of model.layers, and the columns kind (its class) and
        channels (of its output). Raises ValueError for a name that keras.applications does not have.
        """
        builder = getattr(keras.applications, self.name, None)
        if not callable(builder):
            raise ValueError(
                f"keras.applications has no network '{self.name}'; 'MobileNet' is one, for instance."
            )
        model = builder(weights=None, **self.settings)
        rows = [{"kind": type(layer).__name__, "channels": layer.output.shape[-1]} for layer in model.layers]
        return {"parameters": model.count_params(), "layers": pd.DataFrame(rows)}
