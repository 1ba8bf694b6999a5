"""A step of each optimiser is the formula of its paper, and goes on where a checkpoint left it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from nuweave.config.train import TrainConfig
from nuweave.train.optimizer import make_optimizer

RATE = 0.1
MATRIX = np.array([[3.0, 0.0], [0.0, 4.0]])  # norm 5
VECTOR = np.array([0.6, 0.8])  # norm 1
GRADIENTS = (np.array([[0.3, -0.4], [1.2, 0.0]]), np.array([[-0.6, 0.2], [0.3, 0.9]]))  # of the first norm 1.3
KINDS = ("adamw", "sgd", "lamb", "lars")
Array = NDArray[np.float64]


def settings(**optimizer: object) -> TrainConfig:
    return TrainConfig.model_validate({"engine": "torch", "learning_rate": RATE, "optimizer": optimizer})


def step(optimizer: torch.optim.Optimizer, gradients: list[Array]) -> None:
    for weights, gradient in zip(optimizer.param_groups[0]["params"], gradients, strict=True):
        weights.grad = torch.tensor(gradient, dtype=weights.dtype)
    optimizer.step()


def walk(start: Array, gradients: tuple[Array, ...], **optimizer: object) -> list[Array]:
    """Weights after each step."""
    weights = nn.Parameter(torch.tensor(start))
    moves = make_optimizer([weights], settings(**optimizer))
    walked = []
    for gradient in gradients:
        step(moves, [gradient])
        walked.append(weights.detach().numpy().copy())
    return walked


def adamw(weights: Array, gradients: tuple[Array, ...], *, decay: float) -> list[Array]:
    """1711.05101, Algorithm 2, with betas 0.8 and 0.9."""
    first, second, walked = 0 * weights, 0 * weights, []
    for time, gradient in enumerate(gradients, start=1):
        first = 0.8 * first + 0.2 * gradient
        second = 0.9 * second + 0.1 * gradient**2
        adam = first / (1 - 0.8**time) / (np.sqrt(second / (1 - 0.9**time)) + 1e-8)
        weights = weights - RATE * (adam + decay * weights)
        walked.append(weights)
    return walked


def sgd(weights: Array, gradients: tuple[Array, ...], *, decay: float) -> list[Array]:
    """Momentum 0.5."""
    velocity, walked = 0 * weights, []
    for gradient in gradients:
        velocity = 0.5 * velocity + gradient + decay * weights
        weights = weights - RATE * velocity
        walked.append(weights)
    return walked


def lamb(weights: Array, gradients: tuple[Array, ...], *, decay: float) -> list[Array]:
    """1904.00962, Algorithm 2, with betas 0.8 and 0.9, without bias correction."""
    first, second, walked = 0 * weights, 0 * weights, []
    for gradient in gradients:
        first = 0.8 * first + 0.2 * gradient
        second = 0.9 * second + 0.1 * gradient**2
        update = first / (np.sqrt(second) + 1e-6) + decay * weights
        trust = min(float(np.linalg.norm(weights)), 10.0) / float(np.linalg.norm(update))
        weights = weights - RATE * trust * update
        walked.append(weights)
    return walked


def lars(weights: Array, gradients: tuple[Array, ...], *, decay: float) -> list[Array]:
    """1708.03888, Algorithm 1, with momentum 0.5 and trust coefficient 0.02."""
    velocity, walked = 0 * weights, []
    for gradient in gradients:
        norm = float(np.linalg.norm(weights))
        local_rate = 0.02 * norm / (float(np.linalg.norm(gradient)) + decay * norm)
        velocity = 0.5 * velocity + RATE * local_rate * (gradient + decay * weights)
        weights = weights - velocity
        walked.append(weights)
    return walked


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        (adamw, {"kind": "adamw", "betas": (0.8, 0.9)}),
        (sgd, {"kind": "sgd", "momentum": 0.5}),
        (lamb, {"kind": "lamb", "betas": (0.8, 0.9)}),
        (lars, {"kind": "lars", "momentum": 0.5, "trust_coefficient": 0.02}),
    ],
    ids=KINDS,
)
@pytest.mark.parametrize("decay", [0.0, 0.25])
def test_two_steps_are_the_formula(
    formula: Callable[..., list[Array]], options: dict[str, object], decay: float
) -> None:
    expected = formula(MATRIX, GRADIENTS, decay=decay)
    walked = walk(MATRIX, GRADIENTS, weight_decay=decay, **options)
    np.testing.assert_allclose(walked, expected, rtol=2e-6)


def test_a_step_of_lars_without_decay_is_its_share_of_the_weights() -> None:
    """0.1 x 0.02 of the norm 5, whatever the size of the gradient."""
    for scale in (1e-3, 1.0, 1e3):
        (after,) = walk(MATRIX, (scale * GRADIENTS[0],), kind="lars", weight_decay=0, trust_coefficient=0.02)
        assert np.linalg.norm(after - MATRIX) == pytest.approx(0.01)


def test_a_step_of_lamb_is_the_rate_times_the_norm_of_the_weights_but_of_10_at_most() -> None:
    for scale, length in ((1.0, 0.5), (0.2, 0.1), (4.0, 1.0)):
        (after,) = walk(scale * MATRIX, GRADIENTS[:1], kind="lamb")
        assert np.linalg.norm(after - scale * MATRIX) == pytest.approx(length, rel=1e-5)


def test_lars_moves_vectors_as_sgd_without_decay_and_lamb_scales_them_too() -> None:
    """The norm of the vector is 1; LAMB's first update is sqrt(0.1^2 / 0.001) = 3.16 a component, here of signs + -."""
    gradient, update = np.array([0.5, -0.5]), np.array([10**0.5, -(10**0.5)])
    (after,) = walk(VECTOR, (gradient,), kind="lars", weight_decay=0.25)
    np.testing.assert_allclose(after, VECTOR - RATE * gradient)
    (after,) = walk(VECTOR, (gradient,), kind="lamb", weight_decay=0)
    np.testing.assert_allclose(after, VECTOR - RATE * update / 20**0.5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_the_fused_step_is_the_plain_one_to_rounding(kind: str) -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(33, 7), [torch.randn(33, 7) for _ in range(5)]
    walked = []
    for fused in (True, False):
        weights = nn.Parameter(start.clone())
        moves = make_optimizer([weights], settings(kind=kind))
        assert moves.defaults["fused"]
        moves.param_groups[0]["fused"] = fused
        for gradient in gradients:
            weights.grad = gradient.clone()
            moves.step()
        walked.append(weights.detach())
    torch.testing.assert_close(walked[0], walked[1], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_from_a_file_goes_on_bit_for_bit(kind: str) -> None:
    torch.manual_seed(0)
    gradients = [[torch.randn(2, 2).numpy(), torch.randn(2).numpy()] for _ in range(4)]
    weights = [nn.Parameter(torch.randn(2, 2)), nn.Parameter(torch.zeros(2))]
    moves = make_optimizer(weights, settings(kind=kind))
    for pair in gradients[:2]:
        step(moves, pair)
    file = BytesIO()
    torch.save({"weights": [one.detach() for one in weights], "optimizer": moves.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    again = [nn.Parameter(one) for one in saved["weights"]]
    resumed = make_optimizer(again, settings(kind=kind))
    resumed.load_state_dict(saved["optimizer"])
    for pair in gradients[2:]:
        step(moves, pair)
        step(resumed, pair)
    for one, other in zip(weights, again, strict=True):
        assert one.equal(other)
