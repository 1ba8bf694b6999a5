"""What runs a network forward and backward and moves its weights: plain torch, or DeepSpeed. Both train alike."""

from __future__ import annotations

import os
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nuweave.config.train import TrainConfig
from nuweave.loader import SparseBatch
from nuweave.tasks import Task
from nuweave.train.distributed import Ranks
from nuweave.train.optimizer import make_optimizer


class Engine(Protocol):
    """A network in training. Every rank calls every method."""

    network: nn.Module  # the plain network: to evaluate, to export

    def forward(self, batch: SparseBatch) -> Any:
        """Logits of a prepared batch."""

    def backward(self, loss: Tensor) -> None:
        """Gradients, averaged over ranks."""

    def step(self, learning_rate: float) -> None:
        """Clip the gradient and move the weights."""

    def save(self, directory: Path) -> None:
        """Write weights and optimiser state below an existing directory."""

    def load(self, directory: Path) -> None:
        """Read what `save` wrote with as many ranks."""


def make_engine(task: Task, network: nn.Module, settings: TrainConfig, ranks: Ranks) -> Engine:
    """The engine of `settings`."""
    kind = DeepSpeedEngine if settings.engine == "deepspeed" else TorchEngine
    return kind(task, network, settings, ranks)


def precision_of(settings: TrainConfig, device: torch.device) -> AbstractContextManager[Any]:
    """The region in which a forward pass runs: weights stay float32, bf16 rounds the products."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")


class TorchEngine:
    """AdamW in one process, or the same under DistributedDataParallel."""

    def __init__(self, task: Task, network: nn.Module, settings: TrainConfig, ranks: Ranks) -> None:
        self.network = network.to(ranks.device)
        self._task, self._settings, self._ranks = task, settings, ranks
        self._optimizer = make_optimizer(self.network.parameters(), settings)
        self._wrapped = self.network
        if ranks.world_size > 1:  # running statistics stay each rank's own, as under DeepSpeed
            self._wrapped = nn.parallel.DistributedDataParallel(self.network, broadcast_buffers=False)

    def forward(self, batch: SparseBatch) -> Any:
        """Logits of a prepared batch."""
        with precision_of(self._settings, self._ranks.device):
            return self._task.forward(self._wrapped, batch)

    def backward(self, loss: Tensor) -> None:
        """Gradients, averaged over ranks."""
        torch.autograd.backward(loss)

    def step(self, learning_rate: float) -> None:
        """Clip the gradient and move the weights."""
        nn.utils.clip_grad_norm_(self.network.parameters(), self._settings.clip_norm)
        _set_rate(self._optimizer, learning_rate)
        self._optimizer.step()
        self._optimizer.zero_grad()

    def save(self, directory: Path) -> None:
        """Rank 0 writes: weights and optimiser are the same everywhere."""
        if self._ranks.is_first:
            state = {"network": self.network.state_dict(), "optimizer": self._optimizer.state_dict()}
            torch.save(state, directory / "torch.pt")

    def load(self, directory: Path) -> None:
        """Every rank reads the one file."""
        state = torch.load(directory / "torch.pt", map_location=self._ranks.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])


class DeepSpeedEngine:
    """AdamW under DeepSpeed ZeRO 0, 1 or 2. Expects a process group; no operation of DeepSpeed is compiled."""

    def __init__(self, task: Task, network: nn.Module, settings: TrainConfig, ranks: Ranks) -> None:
        self._task = task
        deepspeed = _import_deepspeed(ranks.device)
        network = network.to(ranks.device)
        self._engine = deepspeed.initialize(
            model=network, optimizer=make_optimizer(network.parameters(), settings), config=_deepspeed_config(settings)
        )[0]
        self.network: nn.Module = self._engine.module

    def forward(self, batch: SparseBatch) -> Any:
        """Logits of a prepared batch."""
        return self._task.forward(self._engine, batch)

    def backward(self, loss: Tensor) -> None:
        """Gradients, averaged over ranks."""
        self._engine.backward(loss)

    def step(self, learning_rate: float) -> None:
        """Clip the gradient and move the weights."""
        _set_rate(self._engine.optimizer, learning_rate)
        self._engine.step()

    def save(self, directory: Path) -> None:
        """Every rank writes its part of the optimiser, rank 0 the weights."""
        self._engine.save_checkpoint(str(directory), tag="deepspeed", save_latest=False)

    def load(self, directory: Path) -> None:
        """Every rank reads its part."""
        self._engine.load_checkpoint(str(directory), tag="deepspeed")


def _import_deepspeed(device: torch.device) -> Any:
    """DeepSpeed for this device, kept from compiling what this training does not use."""
    os.environ.setdefault("DS_ACCELERATOR", device.type)
    import deepspeed  # seconds, and only this engine needs it

    # its own collectives would start a C++ compiler: gloo, nccl and xccl do without
    deepspeed.ops.__compatible_ops__ = {}
    warnings.filterwarnings("ignore", r"`torch\.distributed\.\w+` is deprecated", FutureWarning)
    return deepspeed


def _deepspeed_config(settings: TrainConfig) -> dict[str, Any]:
    return {
        "train_batch_size": settings.global_batch,
        "train_micro_batch_size_per_gpu": settings.global_batch // settings.ranks,
        "gradient_clipping": settings.clip_norm,
        "zero_optimization": {"stage": settings.zero_stage},
        "torch_autocast": {
            "enabled": settings.precision == "bf16",
            "dtype": "bfloat16",
            "lower_precision_safe_modules": [],  # no gradient travels in bf16
        },
        "steps_per_print": 2**31,
    }


def _set_rate(optimizer: Any, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
