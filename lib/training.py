"""One training run: a frozen config in, a result out, nothing else touched.

Every source of randomness has its own seed, derived from the run's: the weights of each layer, each
dropout and augmentation layer, the choice and the order of the images. With one thread and
TensorFlow's deterministic operations the same config gives the same bytes, on any worker, in any
order. Thesis 3.2 and 5.
"""

import hashlib
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras.src.utils import naming

from lib import augmentation, datasets, networks

LOSSES = {"cross entropy": "categorical_crossentropy", "squared error": "mean_squared_error"}
VALIDATION_IMAGES = 3000
EPOCH = 1_000_000  # more steps than an epoch has: TensorFlow does them all at one call
UNTUNED = tf.data.Options()
UNTUNED.autotune.enabled = False  # tuning takes a thread for each epoch, and waits for its end
OPTIMIZERS = {
    "SGD": keras.optimizers.SGD,
    "AdaGrad": keras.optimizers.Adagrad,
    "RMSProp": keras.optimizers.RMSprop,
    "Adam": keras.optimizers.Adam,
}


@dataclass(frozen=True)
class Training:
    """A network, its data, and how it is trained; the same config and seed give the same result.

    `network` is a function of lib.networks, "simple.small_cnn" for instance, and `network_settings` its
    arguments, those for regularisation among them; `data` is a name or folder for datasets.load,
    `image_size` the pixels of a side (MNIST keeps its 28), `split` the number of the random split, and
    `training_images` how many are drawn for training (None: all). `augmentation` are the transformations
    of augmentation.augmenter. `optimizer_settings` are arguments of the Keras optimizer, `schedule` the
    factors on the learning rate of the single epochs (empty: 1). `plateau` is the factor on the rate
    whenever the validation loss has not fallen for two epochs; with `patience` training stops when it has
    not fallen for so many epochs, and the weights of the best one are kept. `start` is a Training whose
    weights this one begins with. Thesis 3.2.
    """

    network: str = "simple.small_cnn"
    network_settings: dict = field(default_factory=dict)
    data: str = "mnist"
    image_size: int = 28
    split: int = 0
    training_images: int | None = None
    augmentation: dict = field(default_factory=dict)
    loss: str = "cross entropy"
    optimizer: str = "SGD"
    learning_rate: float = 0.1
    optimizer_settings: dict = field(default_factory=dict)
    schedule: tuple[float, ...] = ()
    plateau: float | None = None
    patience: int | None = None
    epochs: int = 5
    batch_size: int = 32
    seed: int = 0
    start: "Training | None" = None

    def __hash__(self):
        """Return the hash of its text, since dictionaries have none."""
        return hash(repr(self))

    @property
    def modules(self):
        """Modules beside this one that the result depends on: the network's family."""
        return (f"lib.networks.{self.network.partition('.')[0]}",)

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        return self.epochs * (self.training_images or 60_000) * self.image_size**2

    @property
    def compiled(self):
        """The same Training without what a network is not compiled for; those of one share it in a worker."""
        return replace(
            self,
            split=0,
            training_images=None,
            learning_rate=1.0,
            schedule=(),
            plateau=None,
            patience=None,
            epochs=0,
            seed=0,
            start=None,
        )

    def compute(self, start=None):
        """Train and return the result: history, accuracies on the three parts, weights and times.

        `start` is the result of the config's `start`.
        """
        return train(self, start and start["weights"])


def one_thread():
    """Let TensorFlow compute deterministically on one thread; has to precede its first operation."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def derived_seed(seed, *names):
    """Return a seed of 31 bits for one purpose of a run, "weights" and 3 for instance."""
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1


def seeded(model, seed):
    """Draw all weights of a model anew and seed its random layers, all from `seed`; returns the model."""
    for number, layer in enumerate(model._flatten_layers(include_self=False)):
        for name in ("kernel", "depthwise_kernel", "pointwise_kernel"):
            drawn = getattr(layer, f"{name.removesuffix('_kernel')}_initializer", None)
            drawn = drawn or getattr(layer, "depthwise_initializer", None)  # DepthwiseConv2D: kernel
            if drawn is not None and isinstance(getattr(layer, name, None), keras.Variable):
                weights = getattr(layer, name)
                config = drawn.get_config() | {"seed": derived_seed(seed, "weights", number, name)}
                weights.assign(type(drawn).from_config(config)(weights.shape, weights.dtype))
        for index, generator in enumerate(layer._seed_generators):
            drawn = keras.random.SeedGenerator(derived_seed(seed, "layer", number, index))
            generator.state.assign(drawn.state)
    return model


def _dataset(config):
    return datasets.loaded(config.data, (config.image_size, config.image_size), config.split)


def parts(config):
    """Return {"training", "validation", "test"}: (images in [0, 1], one-hot labels) of a Training."""
    dataset = _dataset(config)
    chosen = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    if config.training_images is not None:
        generator = np.random.default_rng(derived_seed(config.seed, "training images"))
        chosen["training"] = np.sort(generator.permutation(dataset.train)[: config.training_images])
    one_hot = np.eye(len(dataset.classes), dtype=np.float32)
    return {
        part: (dataset.images[indices].astype(np.float32) / 255, one_hot[dataset.labels[indices]])
        for part, indices in chosen.items()
    }


def judged(images, labels):
    """Return the validation images and labels that judge an epoch: all, or 3,000 evenly out of more.

    These cost as much as 1,000 to train on. Photos are in the order of their classes, so the first would not do.
    """
    chosen = np.linspace(0, len(images) - 1, min(len(images), VALIDATION_IMAGES)).astype(int)
    return images[chosen], labels[chosen]


def batches(config, images, labels, *names):
    """Return tf.data batches of images and labels, in an order that is new in each epoch.

    It comes from the run's seed and the names of its purpose, ("order",) for instance. Dataset.shuffle would take
    the process's seed, too, and whenever that is set TensorFlow forgets what it has compiled.
    """
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    shuffled = tf.raw_ops.ShuffleDatasetV3(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=len(images),
        seed=config.seed,
        seed2=derived_seed(config.seed, *names),
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        output_types=[spec.dtype for spec in dataset.element_spec],
        output_shapes=[spec.shape for spec in dataset.element_spec],
    )
    examples = tf.data.experimental.from_variant(shuffled, dataset.element_spec)
    return examples.batch(config.batch_size).with_options(UNTUNED)


def _network(config, input_shape, classes):
    naming.reset_uids()  # for the names of its weights; clear_session would make TensorFlow forget its kernels
    return networks.find(config.network)(input_shape, classes, **config.network_settings)


def build(config, input_shape, classes):
    """Return the untrained model of a Training, with its own weights."""
    return seeded(_network(config, input_shape, classes), config.seed)


def _augmented(config, model):
    """Return a model that trains `model` on images that are transformed anew in every step."""
    if not config.augmentation:
        return model
    return keras.Sequential([augmentation.augmenter(config.augmentation, model.input_shape[1:]), model])


def state(model):
    """Return the values of all variables of a compiled model and of its optimizer, which has been built."""
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


def restore(model, state):
    """Put a compiled model and its optimizer back into an earlier state()."""
    for variable, value in zip((*model.variables, *model.optimizer.variables), state, strict=True):
        variable.assign(value)


@lru_cache(maxsize=16)
def _compiled(config, input_shape, classes):
    """Return the model of a Training, what it is trained through, and the state of this at first."""
    model = build(config, input_shape, classes)
    learner = _augmented(config, model)
    learner.compile(
        optimizer=OPTIMIZERS[config.optimizer](config.learning_rate, **config.optimizer_settings),
        loss=LOSSES[config.loss],
        metrics=["accuracy"],
        steps_per_execution=EPOCH,
    )
    learner.optimizer.build(model.trainable_variables)
    return model, learner, state(learner)


def _untrained(config, input_shape, classes):
    """Return the model of a Training and what it is trained through, as if both were new.

    To trace and compile a network takes TensorFlow two seconds, longer than many of them train. So the last ones
    are kept, for Trainings that differ only in what a network is not compiled for; a process does one at a time.
    """
    model, learner, first = _compiled(config.compiled, input_shape, classes)
    restore(learner, first)
    learner.optimizer.learning_rate = config.learning_rate
    if config.augmentation:
        seeded(learner.layers[0], derived_seed(config.seed, "augmentation"))
    return seeded(model, config.seed), learner


def trained(config, result):
    """Return the model of a Training with the weights of its result."""
    dataset = _dataset(config)
    model = _network(config, dataset.images.shape[1:], len(dataset.classes))
    for variable in model.variables:
        variable.assign(result["weights"][variable.path])
    return model


class _Clock(keras.callbacks.Callback):
    """Takes the seconds of each epoch's training, without the validation that follows."""

    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_test_begin(self, logs=None):
        self.seconds.append(time.perf_counter() - self.started)


def _callbacks(config):
    """Return the Keras callbacks that change the rate of a Training, or stop it."""
    callbacks = []
    if config.schedule:
        rates = [config.learning_rate * factor for factor in config.schedule]
        callbacks.append(keras.callbacks.LearningRateScheduler(lambda epoch, _: rates[epoch]))
    if config.plateau is not None:
        callbacks.append(keras.callbacks.ReduceLROnPlateau("val_loss", config.plateau, patience=2))
    if config.patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping("val_loss", patience=config.patience, restore_best_weights=True)
        )
    return callbacks


def train(config, start=None):
    """Return {"history", "time", "test_accuracy", "predicted", "weights"} of a Training.

    `start` holds the weights to begin with, {name: array}. "history" is a frame with the columns
    epoch, training_loss, training_accuracy, validation_loss, validation_accuracy, and rate, the learning
    rate of the epoch; "time" has epoch and seconds, which alone differ between repetitions. "predicted"
    has the classes of the test images. The judged() validation images judge each epoch; the test set is used
    once, at the end.
    """
    one_thread()
    (images, labels), validation, test = parts(config).values()
    model, learner = _untrained(config, images.shape[1:], labels.shape[1])
    if start:
        for variable in model.weights:
            variable.assign(start[variable.path])
    clock = _Clock()
    history = learner.fit(
        batches(config, images, labels, "order"),
        epochs=config.epochs,
        validation_data=tf.data.Dataset.from_tensor_slices(judged(*validation))
        .batch(1000)
        .with_options(UNTUNED),
        callbacks=[clock, *_callbacks(config)],
        shuffle=False,
        verbose=0,
    ).history
    predicted = learner.predict(test[0], verbose=0, batch_size=1000).argmax(axis=1)
    hit = predicted == test[1].argmax(axis=1)
    epochs = np.arange(1, len(history["loss"]) + 1)
    columns = {
        "training_loss": history["loss"],
        "training_accuracy": history["accuracy"],
        "validation_loss": history["val_loss"],
        "validation_accuracy": history["val_accuracy"],
        "rate": history.get("learning_rate", [config.learning_rate] * len(epochs)),
    }
    return {
        "history": pd.DataFrame({"epoch": epochs} | columns),
        "time": pd.DataFrame({"epoch": epochs, "seconds": clock.seconds}),
        "test_accuracy": float(hit.mean(dtype=np.float32)),  # 32 bits as in the history, by Keras
        "predicted": {"test": predicted},
        "weights": {variable.path: variable.numpy() for variable in model.variables},
    }
