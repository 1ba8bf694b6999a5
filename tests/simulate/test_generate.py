"""Events and files: the same from the same seed, consistent tables, everything inside the box."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.config import ConfigError, parse
from nuweave.config.simulate import SimulateConfig
from nuweave.physics.detectors import get_detector
from nuweave.physics.medium import LIQUID_ARGON, Medium
from nuweave.simulate import Neutrino, generate, simulate_event, simulate_file
from nuweave.simulate.interactions import Interaction
from nuweave.simulate.nucleus import Particle
from nuweave.store.edepsim import TABLES, EdepSimEvents
from nuweave.store.edepsim_file import read_edepsim
from tests.simulate.shoot import SBND_CM


@dataclass(frozen=True)
class Box:
    name: str = "box"
    bounds_cm: NDArray[np.float64] = field(default_factory=lambda: SBND_CM)
    medium: Medium = LIQUID_ARGON


def event(number: int, settings: SimulateConfig, seed: int = 1) -> EdepSimEvents:
    return simulate_event(number, settings=settings, detector=Box(), seed=seed, file=0)


def write(path: Path, *, num_events: int, file: int = 0) -> EdepSimEvents:
    settings = SimulateConfig(events_per_file=num_events)
    simulate_file(path, settings=settings, detector=Box(), seed=7, file=file)
    return read_edepsim(path)


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> EdepSimEvents:
    return write(tmp_path_factory.mktemp("raw") / "000.h5", num_events=5)


def test_event_is_the_same_in_a_longer_and_a_shorter_file(five: EdepSimEvents, tmp_path: Path) -> None:
    four = write(tmp_path / "000.h5", num_events=4)
    for name in TABLES:
        long, short = getattr(five, name), getattr(four, name)
        assert np.array_equal(long[long["event_id"] == 3], short[short["event_id"] == 3]), name
    assert len(four.segments) > 1000


def test_event_made_alone_is_that_of_the_file(five: EdepSimEvents) -> None:
    alone = simulate_event(3, settings=SimulateConfig(), detector=Box(), seed=7, file=0)
    assert np.array_equal(alone.segments["dE"], five.segments["dE"][five.segments["event_id"] == 3])


def test_files_and_events_differ(five: EdepSimEvents, tmp_path: Path) -> None:
    other = write(tmp_path / "001.h5", num_events=2, file=1)
    energies = {float(energy) for energy in [*five.mc_hdr["Enu"], *other.mc_hdr["Enu"]]}
    assert len(energies) == 7


def test_file_says_how_it_was_made(five: EdepSimEvents) -> None:
    assert five.attributes == {"generator": "nuweave", "generator_seed": "7/0", "file": 0, "detector": "box"}


def test_voxels_and_views_of_the_same_box_see_the_same_events(tmp_path: Path) -> None:
    """Simulated once, projected twice: files of both detectors are equal but for the name."""
    settings, files = SimulateConfig(events_per_file=2), []
    for name in ("dune_nd", "dune_nd_2d"):
        simulate_file(tmp_path / f"{name}.h5", settings=settings, detector=get_detector(name), seed=7, file=0)
        files.append(read_edepsim(tmp_path / f"{name}.h5"))
    voxels, views = files
    for table in TABLES:
        assert np.array_equal(getattr(voxels, table), getattr(views, table)), table
    assert len(voxels.segments) > 100
    assert {**voxels.attributes, "detector": "dune_nd_2d"} == views.attributes


def test_every_id_exists_and_is_unique(five: EdepSimEvents) -> None:
    for number in five.event_ids:
        rows = {name: getattr(five, name)[getattr(five, name)["event_id"] == number] for name in TABLES}
        tracks = rows["trajectories"]
        assert list(tracks["traj_id"]) == list(range(len(tracks)))
        assert set(rows["segments"]["traj_id"]) <= set(tracks["traj_id"])
        assert set(tracks["parent_id"]) <= {-1, *tracks["traj_id"]}
        assert np.all(tracks["parent_id"] < tracks["traj_id"].astype(np.int64))
        assert np.array_equal(tracks["primary"], tracks["parent_id"] == -1)
        vertices = list(rows["vertices"]["vertex_id"])
        assert len(set(vertices)) == len(vertices)
        assert set(tracks["vertex_id"]) == set(vertices)
        assert set(rows["segments"]["vertex_id"]) <= set(vertices)
        assert list(rows["mc_hdr"]["vertex_id"]) == [number * 1000]
    assert len(set(five.trajectories["file_traj_id"])) == len(five.trajectories)


def test_segments_carry_the_particle_and_vertex_of_their_trajectory(five: EdepSimEvents) -> None:
    tracks = five.trajectories[five.segments["file_traj_id"]]
    for name in ("event_id", "vertex_id", "traj_id", "pdg_id"):
        assert np.array_equal(tracks[name], five.segments[name]), name


def test_trajectories_without_deposits_are_primary_or_lead_to_one(five: EdepSimEvents) -> None:
    one = five.trajectories[five.trajectories["event_id"] == 0]
    useful = set(five.segments["traj_id"][five.segments["event_id"] == 0]) | set(one["parent_id"])
    assert {int(track["traj_id"]) for track in one if not track["primary"]} <= useful


def test_segments_are_short_inside_the_box_and_consistent(five: EdepSimEvents) -> None:
    segments = five.segments
    for axis, (low, high) in zip("xyz", SBND_CM, strict=True):
        for end in ("_start", "_end", ""):
            assert np.all((segments[axis + end] >= low) & (segments[axis + end] <= high))
    assert segments["dx"].max() < 0.3 + 1e-3
    assert segments["dE"].min() > 0
    long = segments["dx"] > 0.01
    assert segments["dEdx"][long] == pytest.approx(segments["dE"][long] / segments["dx"][long], rel=1e-3)
    assert not segments["n_electrons"].any()


def test_stack_holds_the_neutrino_and_what_becomes_of_it(five: EdepSimEvents) -> None:
    for header in five.mc_hdr:
        stack = five.mc_stack[five.mc_stack["vertex_id"] == header["vertex_id"]]
        assert list(stack["part_status"][:3]) == [0, 0, 1]
        assert stack["part_pdg"][0] == header["nu_pdg"]
        assert stack["part_pdg"][2] == header["lep_pdg"]
        assert stack["part_4mom"][0] == pytest.approx(header["nu_4mom"])
        assert header["Enu"] == pytest.approx(header["Elep"] + header["q0"], rel=1e-5)
        tracks = five.trajectories[five.trajectories["event_id"] == header["event_id"]]
        tracked = stack[stack["traj_id"] >= 0]
        assert np.array_equal(tracks["pdg_id"][tracked["traj_id"]], tracked["part_pdg"])
        assert np.array_equal(tracks["file_traj_id"][tracked["traj_id"]], tracked["file_traj_id"])
        assert tracks["E_start"][tracked["traj_id"]] == pytest.approx(tracked["part_4mom"][:, 3], rel=1e-5)
        assert np.all(tracked["part_status"] == 1)


def test_neutrinos_are_at_time_zero_and_cosmics_around_it(five: EdepSimEvents) -> None:
    neutrino = five.vertices["vertex_id"] % 1000 == 0
    assert not five.vertices["t_vert"][neutrino].any()
    assert five.vertices["t_vert"].min() < -500 < 500 < five.vertices["t_vert"].max()
    of_neutrino = five.segments["vertex_id"] % 1000 == 0
    assert np.median(five.segments["t0"][of_neutrino]) == pytest.approx(0, abs=0.1)


def test_number_of_cosmics_is_rate_times_window() -> None:
    """4.2 kHz in 2.56 ms are 10.75; few centimetres of argon make many events cheap."""
    thin = Box(bounds_cm=np.array([[-1.0, 1.0], [-1.0, 1.0], [0.0, 2.0]]))
    settings = SimulateConfig(neutrino_fraction=0.0)
    counts = [
        len(simulate_event(number, settings=settings, detector=thin, seed=2, file=0).vertices) for number in range(300)
    ]
    assert np.mean(counts) == pytest.approx(10.75, abs=0.6)
    assert np.var(counts) == pytest.approx(10.75, rel=0.3)


def test_events_without_neutrino_have_no_interaction() -> None:
    found = [event(number, SimulateConfig(neutrino_fraction=0.5, cosmic_rate_khz=0.1)) for number in range(60)]
    with_neutrino = [len(one.mc_hdr) for one in found]
    assert np.mean(with_neutrino) == pytest.approx(0.5, abs=0.2)
    for one in found:
        assert len(one.mc_hdr) == np.sum(one.vertices["vertex_id"] % 1000 == 0)
        assert len(one.vertices) >= 1


def test_given_neutrino_is_that_of_every_event_and_cosmics_differ(tmp_path: Path) -> None:
    """A nue of 500 MeV leaves an electron of 400 MeV along y, in events that would have no neutrino of their own."""
    probe, electron = Particle(12, np.array([0.0, 0.0, 500.0, 500.0])), Particle(11, np.array([0.0, 400.0, 0.0, 400.0]))
    neutrino = Neutrino(Interaction(probe, True, "QES", 1001, [electron]), (50.0, -20.0, 100.0, 0.0))
    settings = SimulateConfig(events_per_file=2, neutrino_fraction=0.0)
    simulate_file(tmp_path / "a.h5", settings=settings, detector=Box(), seed=7, file=0, neutrino=neutrino)
    found = read_edepsim(tmp_path / "a.h5")
    assert found.mc_hdr["Enu"].tolist() == [500.0, 500.0]
    of_neutrino = found.trajectories[found.trajectories["vertex_id"] % 1000 == 0]
    primary = of_neutrino[of_neutrino["primary"]]
    assert primary["pdg_id"].tolist() == [11, 11]
    assert primary["xyz_start"].tolist() == [[50.0, -20.0, 100.0]] * 2
    assert primary["pxyz_start"][0] == pytest.approx([0.0, 400.0, 0.0], abs=1e-3)
    cosmics = [found.segments[found.segments["event_id"] == number]["dE"] for number in (0, 1)]
    assert len(cosmics[0]) != len(cosmics[1])
    alone = simulate_event(1, settings=settings, detector=Box(), seed=7, file=0, neutrino=neutrino)
    assert np.array_equal(alone.segments["dE"], cosmics[1])


def test_event_that_needs_more_room_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = event(0, SimulateConfig())
    monkeypatch.setattr(generate, "NUM_TRACKS", 50)
    monkeypatch.setattr(generate, "NUM_DEPOSITS", 1000)
    assert np.array_equal(event(0, SimulateConfig()).segments, roomy.segments)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cosmic_rate_khz": 400.0}, "1024 muons an event, soft_cosmics 0 more, at most 500"),
        ({"cosmic_rate_khz": 0.0, "neutrino_fraction": 0.5}, "cosmics only, but cosmic_rate_khz is 0"),
    ],
)
def test_settings_that_make_no_events_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse({"simulate": wrong})
