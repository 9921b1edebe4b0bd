"""Networks that learn from batches: from labels, from a teacher, and several from the same batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from docdetect.config.loading import load_config
from docdetect.config.schema import TrainConfig
from docdetect.errors import ConfigError, InputError
from docdetect.models.checkpoint import load_network
from docdetect.models.packing import packed_bytes
from docdetect.models.slicing import sliced_channels
from docdetect.models.ultralytics_setup import prepare_ultralytics
from docdetect.training.partial_labels import region_class
from docdetect.training.precision import TrainingDivergedError
from docdetect.training.resident.features import FeatureLoss, feature_weight, recorded_features
from docdetect.training.resident.learner import Learner
from docdetect.training.resident.loop import Plan, learning_rate_factor, plan_of
from docdetect.training.resident.slices import Slices
from docdetect.training.resident.teacher import Teacher, distillation_loss
from tests.support.tiny_network import CLASSES, write_checkpoint, write_half_architecture

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _prepared() -> Iterator[None]:
    prepare_ultralytics()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on pictures this small, threads wait for each other most of the time
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("teacher") / "tiny.pt", half=False)


def recipe(*more: str) -> TrainConfig:
    plain = ("views=device", "imgsz=96", "optimizer=AdamW", "lr0=0.003", "freeze=0")
    return load_config(None, [f"train.{one}" for one in (*plain, *more)]).train


def learner(tiny_yaml: Path, how: TrainConfig) -> Learner:
    return Learner("tiny", tiny_yaml, how.networks[0], how, CLASSES, CPU, bf16=False)


def labels(rows: list[list[float]] | None = None) -> dict[str, Any]:
    table = torch.tensor(rows if rows is not None else [[0.0, 2, 0.4, 0.4, 0.3, 0.3]]).reshape(-1, 6)
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    return {"img": pictures, "batch_idx": table[:, 0], "cls": table[:, 1:2], "bboxes": table[:, 2:]}


def test_the_loss_goes_down_and_the_averaged_weights_follow(tiny_yaml: Path) -> None:
    one = learner(tiny_yaml, recipe())
    before = {name: value.clone() for name, value in one.averaged.state_dict().items()}
    losses = []
    for step in range(8):
        one.step(labels([[0, 2, 0.4, 0.4, 0.5, 0.5], [1, 0, 0.6, 0.5, 0.4, 0.6]]), None, step, 1.0, 0.0)
        losses.append(one.losses())
    assert losses[-1]["box"] < 0.5 * losses[0]["box"]
    assert losses[-1]["dfl"] < losses[0]["dfl"]
    assert losses[0]["teacher"] == 0
    assert one.losses() == {}
    changed = [name for name, value in one.averaged.state_dict().items() if not torch.equal(value, before[name])]
    assert any(name.endswith("running_mean") for name in changed)
    assert any(name.endswith("weight") for name in changed)


def test_frozen_layers_stay_and_all_layers_cannot_be_frozen(tiny_yaml: Path) -> None:
    one = learner(tiny_yaml, recipe("freeze=2"))
    before = {name: value.clone() for name, value in one.network.state_dict().items()}
    one.step(labels(), None, 0, 1.0, 0.0)
    changed = {int(name.split(".")[1]) for name, value in one.network.state_dict().items() if name in before
               and not torch.equal(value, before[name])}  # fmt: skip
    assert changed == {2, 3, 4, 5, 6}
    with recorded_features(one.network, (1, 2)) as maps:
        one.network(labels()["img"])
    assert (maps[1].grad_fn, maps[2].grad_fn is None) == (None, False)  # frozen layers have no backward pass
    with pytest.raises(ConfigError, match=r"train\.freeze: 10 keeps all 7 layers"):
        learner(tiny_yaml, recipe("freeze=10"))


def test_the_same_answers_cost_nothing_and_others_do(weights: Path) -> None:
    teacher = Teacher.from_weights(weights, CLASSES, CPU, bf16=False)
    answers = teacher(labels()["img"]).head
    nothing = distillation_loss(answers, answers, teacher.bins, (1.0, 1.0))
    assert [round(float(part), 5) for part in nothing] == [0, 0]
    other = {name: value + torch.randn(value.shape) for name, value in answers.items()}
    assert all(float(part) > 0.01 for part in distillation_loss(other, answers, teacher.bins, (1.0, 1.0)))


def test_a_teacher_answers_what_its_network_answers(weights: Path) -> None:
    pictures = labels()["img"]
    network: Any = load_network(weights).eval()
    with torch.no_grad():
        _, raw = network(pictures)
    answers = Teacher.from_weights(weights, CLASSES, CPU, bf16=False)(pictures).head
    for name in ("boxes", "scores"):
        torch.testing.assert_close(answers[name], raw[name], rtol=1e-3, atol=1e-3)


def test_a_student_comes_nearer_to_its_teacher_on_pages_that_nobody_labelled(tiny_yaml: Path, weights: Path) -> None:
    teacher = Teacher.from_weights(weights, CLASSES, CPU, bf16=False)
    one = learner(tiny_yaml, recipe("teacher_weight=2", "lr0=0.01"))
    assert one.can_learn_from(teacher)
    unknown = float(region_class(frozenset(), 3))
    views = labels([[0, unknown, 0.5, 0.5, 1, 1], [1, unknown, 0.5, 0.5, 1, 1]])
    taught = teacher(views["img"])
    distances = []
    for step in range(12):
        one.step(views, taught, step, 1.0, 0.0)
        found = one.losses()
        assert found["cls"] == found["box"] == 0  # nothing is labelled, so that the teacher alone teaches
        distances.append(found["teacher"])
    assert distances[-1] < 0.95 * distances[0]


def test_a_network_that_is_not_taught_learns_from_labels_alone(tiny_yaml: Path, weights: Path) -> None:
    answers = Teacher.from_weights(weights, CLASSES, CPU, bf16=False)(labels()["img"])
    ended = []
    for taught, told in ((False, answers), (True, None), (True, answers)):
        one = learner(tiny_yaml, recipe(f"model=[{{path: {tiny_yaml.as_posix()}, lr0: 0.003, taught: {taught}}}]"))
        one.step(labels(), told, 0, 1.0, 0.0)
        assert (one.losses()["teacher"] > 0) == (taught and told is not None)
        ended.append(one.network.state_dict())
    without, plain, with_teacher = ended
    assert all(torch.equal(value, plain[name]) for name, value in without.items())
    assert not all(torch.equal(value, plain[name]) for name, value in with_teacher.items())


def test_feature_maps_cost_their_distance_in_deviations_of_the_teacher() -> None:
    whole = torch.randn(4, 6, 8, 8, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 7)[:, None, None]
    channels = torch.tensor([4, 1])
    goal = whole[:, channels]
    loss = FeatureLoss({3: channels}, CPU)
    assert float(loss({3: goal}, {3: whole})) == 0
    shift = 2 * goal.std((0, 2, 3))[:, None, None]
    assert float(loss({3: goal + shift}, {3: whole})) == pytest.approx(4, rel=1e-3)
    broken = torch.full_like(whole, float("nan"))
    assert not torch.isfinite(loss({3: goal}, {3: broken}))  # the step is left out, and the next one is as before
    assert float(loss({3: goal + shift}, {3: whole})) == pytest.approx(4, rel=1e-3)
    again = FeatureLoss({}, CPU)
    again.restore(loss.state())
    assert torch.equal(again({3: goal + shift}, {3: whole}), loss({3: goal + shift}, {3: whole}))


def test_the_weight_of_feature_maps_falls_to_a_sixth() -> None:
    how = recipe("teacher=docdetect-s", "teacher_features=3")
    assert [feature_weight(how, done) for done in (0, 0.5, 1)] == pytest.approx([3, 1.75, 0.5])


def test_a_slice_comes_nearer_to_the_feature_maps_of_its_teacher(weights: Path, tmp_path: Path) -> None:
    half = write_half_architecture(tmp_path)
    teacher = Teacher.from_weights(weights, CLASSES, CPU, bf16=False, features=True)
    assert teacher.widths == {3: 16, 4: 16, 5: 16}  # what the head uses
    one = learner(half, recipe("teacher=docdetect-s", "teacher_weight=0", "teacher_features=1", "lr0=0.003"))
    assert not one.can_learn_features_of(teacher)
    unknown = float(region_class(frozenset(), 3))
    views = labels([[0, unknown, 0.5, 0.5, 1, 1], [1, unknown, 0.5, 0.5, 1, 1]])
    Slices(load_network(weights), "tiny", [one]).start([views["img"]], CPU)
    assert one.can_learn_features_of(teacher)
    answers = teacher(views["img"])
    distances = []
    for step in range(15):
        one.step(views, answers, step, 1.0, 0.0)
        found = one.losses()
        assert found["box"] == found["cls"] == found["teacher"] == 0
        distances.append(found["features"])
    assert distances[-1] < 0.5 * distances[0]
    file = tmp_path / "half.pt"
    file.write_bytes(packed_bytes(one.result(), 96))
    kept = sliced_channels(load_network(file))
    assert [len(kept[layer]) for layer in (3, 4, 5)] == [8, 8, 8]
    assert learner(file, recipe()).can_learn_features_of(teacher)


def test_a_network_that_learns_teaches_with_its_averaged_weights(tiny_yaml: Path) -> None:
    one = learner(tiny_yaml, recipe("lr0=0.05"))
    teacher = Teacher(one.averaged, CPU, bf16=False, features=True)
    pictures = labels()["img"]
    before = teacher(pictures)
    with torch.no_grad():
        assert torch.equal(before.head["scores"], one.averaged(pictures)[1]["scores"])
    one.step(labels(), None, 0, 1.0, 0.0)
    after = teacher(pictures)
    assert not torch.equal(before.head["scores"], after.head["scores"])
    assert not torch.equal(before.features[3], after.features[3])
    assert not one.averaged.model[3]._forward_hooks  # nothing is left in the network, which is written to files


def test_a_teacher_of_other_classes_is_refused(weights: Path) -> None:
    with pytest.raises(InputError, match=r"train\.teacher: .* knows the classes qr, signature, stamp"):
        Teacher.from_weights(weights, ("stamp", "qr"), CPU, bf16=False)


def test_steps_that_are_not_numbers_are_left_out_and_end_the_training_if_they_stay(tiny_yaml: Path) -> None:
    one = learner(tiny_yaml, recipe())
    before = {name: value.clone() for name, value in one.network.named_parameters()}
    broken = {**labels(), "img": torch.full((2, 3, 64, 64), float("nan"))}
    for step in range(19):
        one.step(broken, None, step, 1.0, 0.0)
    with pytest.raises(TrainingDivergedError, match="has not been a number for 20 steps"):
        one.step(broken, None, 19, 1.0, 0.0)
    assert one.bad_steps == 20
    assert all(torch.equal(value, before[name]) for name, value in one.network.named_parameters())


def test_a_time_budget_is_a_complete_cosine() -> None:
    how = recipe("hours=0.2", "lrf=0.01")
    plan = plan_of(how, 100)
    assert plan == Plan(None, 720.0)
    factors = [learning_rate_factor(plan, 1000, plan.progress(1000, second), how) for second in (0, 360, 720, 900)]
    assert factors == pytest.approx([1, 0.505, 0.01, 0.01])
    assert learning_rate_factor(plan, 0, 0.0, how) == pytest.approx(0.01)  # the warm-up
    assert plan_of(recipe("steps=7"), 100) == Plan(7, None)
    assert plan_of(recipe("epochs=3", "batch=8"), 100) == Plan(38, None)
