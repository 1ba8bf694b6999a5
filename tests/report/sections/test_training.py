"""What the training part shows first."""

from __future__ import annotations

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import gather
from nuweave.report.sections.training import training_part


def test_curves_of_several_tasks_begin_with_what_decides_each(several_config: Config) -> None:
    path = several_config.root / "models" / "all" / "metrics.jsonl"
    names = ["sites/accuracy", "sites/mean_iou", "vertex/box_accuracy", "event/neutrino/accuracy"]
    metrics = ", ".join(f'"{name}": 0.5' for name in names)
    path.write_text(path.read_text() + f'{{"step": 50, "part": "val", "loss": 0.1, {metrics}}}\n')
    with page_style():
        (block,) = training_part(gather(several_config)).blocks
    shown = block.pictures[1].caption
    order = [
        shown.index(words) for words in ("mean IoU", "vertex: box accuracy", "neutrino: accuracy", "sites: accuracy")
    ]
    assert order == sorted(order)
