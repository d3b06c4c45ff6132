"""SqueezeNet: the published parameters and sizes, and what the bypasses add."""

import pytest

from lib.networks import squeezenet


@pytest.fixture(scope="module")
def variants():
    return {bypass: squeezenet.squeezenet(bypass=bypass) for bypass in squeezenet.BYPASSES}


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_vanilla_squeezenet_has_the_published_parameters(variants):
    assert variants["none"].count_params() == 1_248_424


def test_maps_have_the_sizes_of_the_papers_table(variants):
    layer = variants["none"].get_layer
    names = ("conv1", "pool1", "fire4.concat", "pool4", "fire8.concat", "pool8", "fire9.concat", "conv10")
    sizes = [(111, 96), (55, 96), (55, 256), (27, 256), (27, 512), (13, 512), (13, 512), (13, 1000)]
    assert [layer(name).output.shape[2:] for name in names] == sizes


def test_a_simple_bypass_adds_no_parameters(variants):
    assert variants["simple"].count_params() == variants["none"].count_params()


def test_simple_bypasses_surround_the_modules_that_keep_the_number_of_channels(variants):
    added = [layer.name for layer in variants["simple"].layers if layer.name.startswith("sum")]
    assert added == ["sum3", "sum5", "sum7", "sum9"]


def test_a_complex_bypass_adds_a_pointwise_convolution_to_each_other_module(variants):
    added = {layer.name: layer.count_params() for layer in variants["complex"].layers}
    bypasses = {name: count for name, count in added.items() if name.startswith("bypass")}
    inputs_outputs = {2: (96, 128), 4: (128, 256), 6: (256, 384), 8: (384, 512)}
    assert bypasses == {f"bypass{number}": (i + 1) * o for number, (i, o) in inputs_outputs.items()}
    assert kinds(variants["complex"]).count("Add") == 8


def test_a_fire_module_has_squeeze_filters_and_twice_as_many_maps_as_expand_says(variants):
    layer = variants["none"].get_layer
    assert layer("fire5.squeeze").kernel.shape == (1, 1, 256, 32)
    assert layer("fire5.expand1x1").kernel.shape == (1, 1, 32, 128)
    assert layer("fire5.expand3x3").kernel.shape == (3, 3, 32, 128)
    assert layer("fire5.concat").output.shape[-1] == 256


def test_another_bypass_is_refused():
    with pytest.raises(ValueError, match="no bypass 'double'; it can be one of none, simple, complex"):
        squeezenet.small((28, 28, 1), 10, bypass="double")


@pytest.mark.parametrize("bypass", squeezenet.BYPASSES)
@pytest.mark.parametrize("input_shape", [(28, 28, 1), (64, 64, 3)])
def test_the_small_network_has_four_modules(input_shape, bypass):
    model = squeezenet.small(input_shape, 10, bypass=bypass)
    assert kinds(model).count("Concatenate") == 4
    assert model.output.shape == (None, 10)
    assert model.count_params() < 20_000
