"""Learned graphs: the Laplacian's spectrum, Chebyshev polynomials, equivariance, and the broad part."""

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev as reference
from sklearn.linear_model import Ridge

from damer.baselines.broad import BroadExtractor, RidgeHead, ridge
from damer.baselines.graph import GraphFilter, chebyshev, new_adjacency, powers, scaled_laplacian
from damer.baselines.mcgc import ControlledGraph, Gate, Mcgc
from damer.baselines.rgcb import Rgcb


def path_graph(nodes: int) -> torch.Tensor:
    """Edges between neighbours only: n, n + 1."""
    found = torch.zeros(nodes, nodes)
    found[torch.arange(nodes - 1), torch.arange(1, nodes)] = 1.0
    return found + found.T


def test_laplacian_has_its_spectrum_between_minus_one_and_one() -> None:
    torch.manual_seed(0)
    laplacian = scaled_laplacian(new_adjacency(30)).detach()
    assert torch.allclose(laplacian, laplacian.T)
    values = torch.linalg.eigvalsh(laplacian)
    assert values.min() >= -1 - 1e-5
    assert values.max() <= 1 + 1e-5
    # The textbook form, L = I - D^-1/2 A D^-1/2, of a path of three nodes, without its I.
    expected = -torch.tensor([[0, 0.5**0.5, 0], [0.5**0.5, 0, 0.5**0.5], [0, 0.5**0.5, 0]])
    assert torch.allclose(scaled_laplacian(path_graph(3)), expected, atol=1e-6)


def test_chebyshev_against_numpy() -> None:
    torch.manual_seed(1)
    laplacian = scaled_laplacian(torch.randn(12, 12)).double()
    features = torch.randn(1, 12, 3, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(laplacian)
    for order, found in enumerate(chebyshev(laplacian, features, 5)):
        basis = np.zeros(order + 1)
        basis[order] = 1.0
        spectrum = torch.from_numpy(reference.chebval(values.numpy(), basis))
        expected = vectors @ (spectrum[:, None] * (vectors.T @ features[0]))
        assert torch.allclose(found[0], expected, atol=1e-9)
    assert torch.allclose(
        powers(laplacian, features, 4)[3][0], laplacian @ laplacian @ laplacian @ features[0]
    )


@pytest.mark.parametrize("basis", ["chebyshev", "powers"])
def test_graph_layer_does_not_care_how_nodes_are_numbered(basis: str) -> None:
    torch.manual_seed(2)
    layer, adjacency = GraphFilter(5, 4, orders=3, basis=basis), new_adjacency(10)
    features, order = torch.randn(2, 10, 5), torch.randperm(10)
    plain = layer(scaled_laplacian(adjacency), features)
    renamed = layer(scaled_laplacian(adjacency[order][:, order]), features[:, order])
    assert torch.allclose(plain[:, order], renamed, atol=1e-5)


@pytest.mark.parametrize("network", [Rgcb, Mcgc])
def test_the_graph_is_learned(network: type[Rgcb] | type[Mcgc]) -> None:
    torch.manual_seed(3)
    made = network(44)
    made(torch.randn(4, 128, 44), torch.randn(4, 84, 44))[:, 1].sum().backward()
    assert made.adjacency.grad is not None
    assert made.adjacency.grad.abs().sum() > 0


@pytest.mark.parametrize("frames", [87, 44])
def test_broad_vector_holds_every_level(frames: int) -> None:
    assert BroadExtractor().width == 212 * 64 + 56 * (212 // 2) == 19_504
    network = Rgcb(frames).eval()
    broad = network.broad(torch.randn(2, 128, frames), torch.randn(2, 84, frames))
    assert broad.shape == (2, 19_504)
    graph = torch.rand(2, 212, 64)
    found = network.extractor(graph)
    assert torch.equal(found[:, : 212 * 64], graph.transpose(1, 2).flatten(1))


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_ridge_is_that_of_sklearn(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(4)
    features, target = generator.standard_normal(shape) + 3, generator.standard_normal(shape[0])
    weights, intercept = ridge(torch.from_numpy(features), torch.from_numpy(target), penalty=0.3)
    expected = Ridge(alpha=0.3, solver="svd", tol=1e-12).fit(features, target)
    np.testing.assert_allclose(weights.numpy(), expected.coef_, rtol=1e-8, atol=1e-10)
    assert float(intercept) == pytest.approx(expected.intercept_)


def test_ridge_head_separates_what_it_was_fitted_on() -> None:
    torch.manual_seed(5)
    broad = torch.randn(60, 30)
    label = (broad[:, 0] + broad[:, 1] > 0).long()
    head = RidgeHead(30, enhancement=20)
    nodes = head.get_buffer("nodes")
    assert torch.allclose(nodes.T @ nodes, torch.eye(20), atol=1e-5)
    head.fit(broad, label)
    logits = head(broad)
    assert ((logits[:, 1] > logits[:, 0]) == (label == 1)).float().mean() > 0.9
    expanded = head.expand(broad).double().numpy()
    expected = Ridge(alpha=2.0**-8).fit(expanded, 2 * label.numpy() - 1).predict(expanded)
    np.testing.assert_allclose(logits[:, 1].numpy(), expected, atol=1e-3)


def test_a_closed_gate_keeps_the_state() -> None:
    torch.manual_seed(6)
    layer = ControlledGraph(8)
    laplacian, features = scaled_laplacian(path_graph(9)), torch.randn(2, 9, 8)
    for gate in layer.gates:
        assert isinstance(gate, Gate)
        torch.nn.init.constant_(gate.keep.bias, 1e4)  # z = 1
    states = layer.states(laplacian, features)
    for state in states[1:]:
        assert torch.allclose(state, states[0])
    assert torch.allclose(states[0], layer.project(features))


def test_each_scale_sees_one_edge_further() -> None:
    torch.manual_seed(7)
    layer, nodes = ControlledGraph(4), 9
    laplacian, features = scaled_laplacian(path_graph(nodes)), torch.randn(1, nodes, 4)
    before = layer.states(laplacian, features)
    features = features.clone()
    features[0, 0] += 1.0
    after = layer.states(laplacian, features)
    for scale, (old, new) in enumerate(zip(before, after, strict=True)):
        changed = (old - new).abs().sum(dim=2)[0] > 1e-7
        assert changed[: scale + 1].any()
        assert not changed[scale + 1 :].any()


def test_gates_learn() -> None:
    torch.manual_seed(8)
    network = Mcgc(44)
    torch.autograd.backward(network(torch.randn(3, 128, 44), torch.randn(3, 84, 44)).square().sum())
    for gate in network.graph.gates:
        for name, parameter in gate.named_parameters():
            assert parameter.grad is not None
            assert parameter.grad.abs().sum() > 0, name
