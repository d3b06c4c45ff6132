"""Compress a Keras model into one small file, look into such a file, and turn it back into a Keras model.

    python -m lib.compression compress MODEL.keras OUT [--keep SHARE] [--values NUMBER] [--coding range]
    python -m lib.compression inspect FILE
    python -m lib.compression decompress FILE MODEL.keras

compress keeps the largest weights of each layer, in proportion to its standard deviation, and gives them
shared values, without retraining: check the accuracy of what decompress brings back. Thesis 4.
"""

import argparse
import os
import sys
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from lib.compression.entropy_coding import DecodingError

LARGEST_MODEL = 2**31  # bytes that a .keras file, which is an archive, may unpack to


def _load(path):
    """Return the Keras model of a file; raises ValueError for one that would unpack to too much."""
    import keras

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(file.file_size for file in archive.infolist())
        if size > LARGEST_MODEL:
            raise ValueError(f"it unpacks to {size:,} bytes, more than the {LARGEST_MODEL:,} allowed.")
    return keras.models.load_model(path, compile=False)


def compress(arguments):
    """Write the compressed file of a Keras model, and say how much smaller it is."""
    from lib.compression import codebooks, file_format, kernels, pruning

    model = _load(arguments.source)
    weights = kernels.kernels(model)
    thresholds = pruning.deviation_thresholds(weights, 1 - arguments.keep)
    masks = pruning.masks(weights, thresholds)
    for path, mask in masks.items():
        if not mask.any():
            raise ValueError(f"{path} would keep no weight; choose a larger --keep.")
    shared = codebooks.share(model, arguments.values, masks=masks)
    quantised = codebooks.decoded(model, shared)
    paths = kernels.kernels(quantised)  # a copy may name its weights otherwise
    content = file_format.encode(quantised, dict(zip(paths, shared.values(), strict=True)), arguments.coding)
    Path(arguments.target).write_bytes(content)
    before = 4 * sum(variable.numpy().size for variable in model.variables)
    print(
        f"{len(content):,} bytes, {before / len(content):.1f} times fewer than {before:,} of 32-bit weights"
    )


def inspect(arguments):
    """Print what a compressed file holds and what its bytes are spent on."""
    from lib.compression import file_format

    content = Path(arguments.source).read_bytes()
    arrays = file_format.inspect(content)
    print(f"{'layer':22}{'shape':>18}{'kept':>10}{'of':>11}  {'values':>6}  {'coding':8}{'bytes':>9}")
    for row in arrays:
        shape = "×".join(map(str, row["shape"]))
        print(
            f"{row['layer']:22}{shape:>18}{row['kept']:>10,}{row['weights']:>11,}"
            f"  {row['values'] or 'plain':>6}  {row['coding']:8}{row['bytes']:>9,}"
        )
    spent = sum(row["bytes"] for row in arrays)
    print(f"layers, lengths, checksum: {len(content) - spent:,} bytes; in all {len(content):,} bytes")


def decompress(arguments):
    """Write the Keras model of a compressed file."""
    from lib.compression import file_format

    file_format.decode(Path(arguments.source).read_bytes()).save(arguments.target)


def _share(text):
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError("a share is above 0 and at most 1")
    return value


def main(arguments=None):
    """Do what the command line asks for; one sentence for what is wrong goes to standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.compression",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    for command in (compress, inspect, decompress):
        subparser = commands.add_parser(command.__name__, help=command.__doc__)
        subparser.set_defaults(command=command)
        subparser.add_argument("source")
        if command is not inspect:
            subparser.add_argument("target")
        if command is compress:
            subparser.add_argument("--keep", type=_share, default=1.0, help="share of the weights (1)")
            subparser.add_argument("--values", type=int, default=32, help="shared values of a layer (32)")
            subparser.add_argument("--coding", choices=("range", "Huffman"), default="range")
    parsed = parser.parse_args(arguments)
    try:
        parsed.command(parsed)
    except (DecodingError, OSError, ValueError) as error:
        sys.exit(f"{parsed.source}: {error}")


if __name__ == "__main__":
    main()
