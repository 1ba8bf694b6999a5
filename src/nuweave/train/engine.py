"""What runs a network forward and backward and moves its weights: plain torch, or DeepSpeed. Both train alike."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nuweave.config.train import TrainConfig
from nuweave.loader import SparseBatch
from nuweave.tasks import Task
from nuweave.train.distributed import Ranks
from nuweave.train.optimizer import make_optimizer

State = Mapping[str, Any]  # of tensors and plain values, so that it loads with weights_only
PRODUCTS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
FIRST_SCALE, STEPS_BETWEEN_GROWTHS = 2.0**16, 2000  # of the loss in fp16, torch's defaults
BUCKET = 4_000_000  # numbers that ZeRO exchanges at once, 16 MB, about as many as DDP
SCALER_STATE = ("cur_scale", "cur_iter", "last_overflow_iter", "cur_hysteresis")  # of DeepSpeed


class Engine(Protocol):
    """A network in training. Every rank calls every method."""

    network: nn.Module  # the plain network, float32: to evaluate, to export
    num_shards: int  # files that the state of the optimiser is cut into: one, or one a rank
    scales_loss: bool  # whether a gradient that is not finite is a matter of the scale

    def forward(self, batch: SparseBatch, *, is_last: bool = True) -> Any:
        """Logits of a prepared batch; `is_last`: no other batch follows before the step."""

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients; after the last batch they are averaged over ranks."""

    def step(self, learning_rate: float) -> float:
        """Clip the gradient and move the weights; the gradient's norm before. One that is not finite moves nothing."""

    def state(self) -> State:
        """What this rank knows of the optimiser and of the loss scale; with one shard all know the same."""

    def restore(self, num_shards: int, read: Callable[[int], State]) -> None:
        """Go on from `state`, after the weights of `network` were loaded.

        Args:
            num_shards: that were written, by any number of ranks.
            read: gives one of them.
        """


def make_engine(task: Task, network: nn.Module, settings: TrainConfig, ranks: Ranks) -> Engine:
    """The engine of `settings`."""
    if settings.engine == "torch":
        return TorchEngine(task, network, settings, ranks)
    return (ZeroEngine if settings.zero_stage else PlainDeepSpeedEngine)(task, network, settings, ranks)


def precision_of(settings: TrainConfig, device: torch.device) -> AbstractContextManager[Any]:
    """The region in which a forward pass runs: weights stay float32, bf16 and fp16 round the products."""
    enabled = settings.precision != "fp32"
    return torch.autocast(device.type, PRODUCTS[settings.precision] if enabled else None, enabled=enabled)


class TorchEngine:
    """An optimiser in one process, or the same under DistributedDataParallel."""

    num_shards = 1

    def __init__(self, task: Task, network: nn.Module, settings: TrainConfig, ranks: Ranks) -> None:
        self.network = network.to(ranks.device)
        self.scales_loss = settings.precision == "fp16"
        self._task, self._settings, self._ranks = task, settings, ranks
        self._optimizer = make_optimizer(self.network.parameters(), settings)
        self._scaler = _grad_scaler(ranks.device, enabled=self.scales_loss)
        self._wrapped = self.network
        if ranks.world_size > 1:
            self._wrapped = _distributed(self.network)

    def forward(self, batch: SparseBatch, *, is_last: bool = True) -> Any:
        """Logits of a prepared batch."""
        if isinstance(self._wrapped, nn.parallel.DistributedDataParallel):
            self._wrapped.require_backward_grad_sync = is_last  # what its no_sync() sets
        with precision_of(self._settings, self._ranks.device):
            return self._task.forward(self._wrapped, batch)

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients."""
        torch.autograd.backward(self._scaler.scale(loss))

    def step(self, learning_rate: float) -> float:
        """Clip and move."""
        self._scaler.unscale_(self._optimizer)
        norm = _clip(self.network, self._settings.clip_norm)
        if math.isfinite(norm) or self.scales_loss:
            _set_rate(self._optimizer, learning_rate)
            self._scaler.step(self._optimizer)
            self._scaler.update()
        self._optimizer.zero_grad()
        return norm

    def state(self) -> State:
        """The same on every rank."""
        return {"optimizer": self._optimizer.state_dict(), "scaler": self._scaler.state_dict()}

    def restore(self, num_shards: int, read: Callable[[int], State]) -> None:  # noqa: ARG002  (there is one)
        """Every rank reads it."""
        state = read(0)
        self._optimizer.load_state_dict(dict(state["optimizer"]))
        self._scaler.load_state_dict(state["scaler"])


class _DeepSpeedEngine:
    """What both ways of DeepSpeed share. Expects a process group; no operation of DeepSpeed is compiled."""

    def __init__(self, task: Task, network: nn.Module, settings: TrainConfig, ranks: Ranks) -> None:
        self.scales_loss = settings.precision == "fp16"
        self._task, self._settings, self._ranks, self._is_last = task, settings, ranks, True
        deepspeed = _import_deepspeed(ranks.device)
        network = network.to(ranks.device)
        optimizer = make_optimizer(network.parameters(), settings)
        self._engine = deepspeed.initialize(model=network, optimizer=optimizer, config=_deepspeed_config(settings))[0]
        self.network: nn.Module = self._engine.module

    def forward(self, batch: SparseBatch, *, is_last: bool = True) -> Any:
        """Logits of a prepared batch."""
        self._is_last = is_last
        return self._task.forward(self._engine, batch)

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients."""
        self._engine.set_gradient_accumulation_boundary(self._is_last)
        self._engine.backward(loss, scale_wrt_gas=False)
        if not self._is_last:
            self._engine.step()  # it only counts


class PlainDeepSpeedEngine(_DeepSpeedEngine):
    """DeepSpeed without ZeRO: every rank has the whole optimiser."""

    num_shards = 1

    def step(self, learning_rate: float) -> float:
        """Clip and move."""
        optimizer, scaler = self._engine.optimizer, self._engine.torch_autocast_z0_gradscaler
        if scaler:
            scaler.unscale_(optimizer)
        norm = _clip(self.network, self._settings.clip_norm)
        if math.isfinite(norm) or scaler:
            _set_rate(optimizer, learning_rate)
            self._engine.step()
        return norm

    def state(self) -> State:
        """The same on every rank."""
        scaler = self._engine.torch_autocast_z0_gradscaler
        return {"optimizer": self._engine.optimizer.state_dict(), "scaler": scaler.state_dict() if scaler else {}}

    def restore(self, num_shards: int, read: Callable[[int], State]) -> None:  # noqa: ARG002  (there is one)
        """Every rank reads it."""
        state, scaler = read(0), self._engine.torch_autocast_z0_gradscaler
        self._engine.optimizer.load_state_dict(dict(state["optimizer"]))
        if scaler:
            scaler.load_state_dict(state["scaler"])


class ZeroEngine(_DeepSpeedEngine):
    """DeepSpeed ZeRO 1 or 2: every rank has its part of the optimiser, flat pieces of all weights in order."""

    def __init__(self, task: Task, network: nn.Module, settings: TrainConfig, ranks: Ranks) -> None:
        super().__init__(task, network, settings, ranks)
        self.num_shards = ranks.world_size
        self._zero = self._engine.optimizer
        # autocast's scaler clips before it unscales, and its scale never falls: ZeRO's own does both right
        self._zero.torch_autocast_gradscaler = None
        if self.scales_loss:
            from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler

            self._zero.loss_scaler = DynamicLossScaler(
                init_scale=FIRST_SCALE,
                scale_window=STEPS_BETWEEN_GROWTHS,
                min_scale=0.0,  # the loop ends the training long before
                delayed_shift=1,
                consecutive_hysteresis=False,
                raise_error_at_min_scale=False,
            )

    def step(self, learning_rate: float) -> float:
        """Clip and move; ZeRO leaves the weights alone where the norm is not finite."""
        _set_rate(self._zero, learning_rate)
        self._engine.step()
        return float(self._engine.get_global_grad_norm())

    def state(self) -> State:
        """This rank's part."""
        scaler = self._zero.loss_scaler
        scale = {name: getattr(scaler, name) for name in SCALER_STATE} if self.scales_loss else {}
        return {"optimizer": self._zero.optimizer.state_dict(), "scaler": scale}

    def restore(self, num_shards: int, read: Callable[[int], State]) -> None:
        """Read the part of this rank; those of all where there were more or fewer ranks."""
        if num_shards == self.num_shards:
            state = read(self._ranks.rank)
            optimizer = dict(state["optimizer"])
        else:
            shards = [read(number) for number in range(num_shards)]
            state, sizes = shards[0], self._zero.partition_size
            optimizer = cut_anew([shard["optimizer"] for shard in shards], sizes, self._ranks)
        self._zero.refresh_fp32_params()
        self._zero.optimizer.load_state_dict(optimizer)
        for name, value in state["scaler"].items():
            setattr(self._zero.loss_scaler, name, value)


def cut_anew(shards: Sequence[State], sizes: Sequence[int], ranks: Ranks) -> dict[str, Any]:
    """The part of the optimiser that this rank has, from the parts that another number of ranks had.

    Args:
        shards: state_dict of the optimiser of each of those, flat: a piece of all weights of a group, zeros at the end.
        sizes: length of a piece of each group, with as many ranks as there are now.
        ranks: this rank among them.
    """
    state: dict[int, dict[str, Any]] = {}
    for group, size in enumerate(sizes):
        state[group] = {}
        for name, value in shards[0]["state"][group].items():
            if value.ndim == 0:  # a counter
                state[group][name] = value
                continue
            whole = torch.cat([shard["state"][group][name] for shard in shards])
            missing = max(0, size * ranks.world_size - len(whole))
            whole = nn.functional.pad(whole, (0, missing))
            state[group][name] = whole[ranks.rank * size : (ranks.rank + 1) * size].clone()
    return {**shards[0], "state": state}


def _distributed(network: nn.Module) -> nn.Module:
    """Running statistics stay each rank's own, as under DeepSpeed."""
    with warnings.catch_warnings():  # the name that is to replace broadcast_buffers is not in older versions
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False, gradient_as_bucket_view=True)


def _import_deepspeed(device: torch.device) -> Any:
    """DeepSpeed for this device, kept from compiling what this training does not use."""
    os.environ.setdefault("DS_ACCELERATOR", device.type)
    import deepspeed  # seconds, and only this engine needs it

    # its own collectives would start a C++ compiler: gloo, nccl and xccl do without
    deepspeed.ops.__compatible_ops__ = {}
    deepspeed.utils.logger.setLevel("ERROR")  # what it warns of (an optimiser that is not Adam) was decided here
    warnings.filterwarnings("ignore", r"`torch\.distributed\.\w+` is deprecated", FutureWarning)
    return deepspeed


def _deepspeed_config(settings: TrainConfig) -> dict[str, Any]:
    return {
        "train_batch_size": settings.global_batch,
        "train_micro_batch_size_per_gpu": settings.global_batch // (settings.ranks * settings.accumulate),
        "gradient_accumulation_steps": settings.accumulate,
        "gradient_clipping": settings.clip_norm if settings.zero_stage else 0.0,
        "zero_optimization": {
            "stage": settings.zero_stage,
            "reduce_bucket_size": BUCKET,  # its 2 GB of default are set up anew at every step
            "allgather_bucket_size": BUCKET,
        },
        "zero_allow_untested_optimizer": True,  # SGD: it looks at every weight by itself, as Adam does
        "torch_autocast": {
            "enabled": settings.precision != "fp32",
            "dtype": str(PRODUCTS[settings.precision]).removeprefix("torch."),
            "lower_precision_safe_modules": [],  # no gradient travels in 16 bits
        },
        "steps_per_print": 2**31,
    }


def _grad_scaler(device: torch.device, *, enabled: bool) -> torch.amp.GradScaler:
    return torch.amp.GradScaler(
        device.type, init_scale=FIRST_SCALE, growth_interval=STEPS_BETWEEN_GROWTHS, enabled=enabled
    )


def _clip(network: nn.Module, largest: float) -> float:
    """Make the gradient no longer than `largest`; its norm before, infinite where it is not finite."""
    norm = float(nn.utils.clip_grad_norm_(network.parameters(), largest))
    return norm if math.isfinite(norm) else math.inf


def _set_rate(optimizer: Any, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
