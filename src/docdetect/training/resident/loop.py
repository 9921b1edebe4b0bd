"""The training loop: batches are made ahead of the networks, the learning rate follows the time or the steps."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docdetect.config.schema import TrainConfig
from docdetect.console import ProgressCallback
from docdetect.training.resident.batches import Batch, BatchMaker
from docdetect.training.resident.learner import Learner
from docdetect.training.resident.teacher import Teacher

# Most steps in which the learning rate rises, and the share of a short training.
_WARMUP_STEPS, _WARMUP_SHARE = 100, 0.05
# Batches that are made ahead.
_AHEAD = 2
_REPORT_S = 20.0


@dataclass(frozen=True)
class Plan:
    """How long a training is.

    Attributes:
        steps: number of steps; None where time decides.
        seconds: length; None where steps decide.
    """

    steps: int | None
    seconds: float | None

    def progress(self, step: int, elapsed_s: float) -> float:
        """The part of the training that is done, 0..1, after so many steps and so much time."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.seconds is not None
        return min(1.0, elapsed_s / self.seconds)

    @property
    def warmup_steps(self) -> int:
        return _WARMUP_STEPS if self.steps is None else max(1, min(_WARMUP_STEPS, round(_WARMUP_SHARE * self.steps)))


def plan_of(recipe: TrainConfig, pages: int) -> Plan:
    """The time of the recipe, else its steps, else the steps in which as many views are seen as pages in its epochs."""
    if recipe.hours:
        return Plan(None, 3600 * recipe.hours)
    return Plan(recipe.steps or max(1, math.ceil(recipe.epochs * pages / recipe.batch)), None)


def learning_rate_factor(plan: Plan, step: int, progress: float, recipe: TrainConfig) -> float:
    """What the learning rate is multiplied with: a linear rise, then a cosine or a line down to `recipe.lrf`."""
    rise = min(1.0, (step + 1) / plan.warmup_steps)
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if recipe.cos_lr else 1 - progress
    return rise * (recipe.lrf + (1 - recipe.lrf) * fall)


@dataclass(frozen=True)
class Report:
    """How a training stands.

    Attributes:
        step: steps that are done.
        seconds: time that was trained, earlier sessions included.
        progress: part of the training that is done, 0..1.
        views: pictures that were seen.
        views_per_s: since the last report.
        factor: of the learning rate.
        losses: name of a network -> part of its loss -> mean since the last report.
    """

    step: int
    seconds: float
    progress: float
    views: int
    views_per_s: float
    factor: float
    losses: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Hooks:
    """What the loop calls.

    Attributes:
        report: now and then, and at the end.
        save: with everything that must be kept, as plain data and tensors.
        on_progress: after each step.
        wanted: asked after each step whether a checkpoint is due; it raises what ends the session.
    """

    report: Callable[[Report], None]
    save: Callable[[dict[str, Any]], None]
    on_progress: ProgressCallback
    wanted: Callable[[float], bool]


class Loop:
    """A training of several networks on the same batches."""

    def __init__(
        self,
        batches: BatchMaker,
        learners: Sequence[Learner],
        teacher: Teacher | None,
        plan: Plan,
        recipe: TrainConfig,
        hooks: Hooks,
    ) -> None:
        self._batches, self._learners, self._teacher = batches, learners, teacher
        self._plan, self._recipe, self._hooks = plan, recipe, hooks
        self.step = self.views = 0
        self._before_s = 0.0
        self._began: float | None = None
        self._batch_state: dict[str, Any] | None = None
        self._reported = (0.0, 0)
        self.last_losses: Mapping[str, float] = {}

    @property
    def elapsed_s(self) -> float:
        """Seconds that were trained, those of earlier sessions included."""
        return self._before_s + (time.monotonic() - self._began if self._began is not None else 0.0)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what was saved."""
        self.step, self.views = int(state["step"]), int(state["views"])
        self._before_s = float(state["seconds"])
        if state["batches"] is not None:
            self._batch_state = dict(state["batches"])
            self._batches.restore(self._batch_state)
        for learner in self._learners:
            learner.restore(state["learners"][learner.name])

    def state(self) -> dict[str, Any]:
        """Everything that must be kept to go on."""
        return {
            "step": self.step,
            "views": self.views,
            "seconds": self.elapsed_s,
            "batches": self._batch_state,
            "learners": {learner.name: learner.state() for learner in self._learners},
        }

    def run(self) -> None:
        """Trains to the end of the plan.

        Raises:
            TrainingDivergedError: a loss is not a number any more.
            whatever `hooks.wanted` raises, after a checkpoint was saved.
        """
        self._began = time.monotonic()
        self._reported = self.elapsed_s, self.views
        ahead = _Ahead(self._make, self.step)
        try:
            while self._plan.progress(self.step, self.elapsed_s) < 1:
                self._one(ahead.next())
                try:
                    if self._hooks.wanted(self.elapsed_s):
                        self._hooks.save(self.state())
                except BaseException:
                    self._hooks.save(self.state())
                    raise
        finally:
            ahead.close()
        self._report(self._plan.progress(self.step, self.elapsed_s))

    def _make(self, step: int) -> Batch:
        return self._batches.make(step, self._plan.progress(step, self.elapsed_s))

    def _one(self, batch: Batch) -> None:
        progress = self._plan.progress(self.step, self.elapsed_s)
        factor = learning_rate_factor(self._plan, self.step, progress, self._recipe)
        answers = None if self._teacher is None else self._teacher(batch.labels["img"])
        for learner in self._learners:
            learner.step(batch.labels, answers, self.step, factor, progress)
        self.step += 1
        self.views += batch.views
        self._batch_state = batch.state
        total = 1000 if self._plan.steps is None else self._plan.steps
        done = min(total, int(1000 * progress)) if self._plan.steps is None else self.step
        self._hooks.on_progress(done, total, f"step {self.step}, {self.views} views")
        if self.elapsed_s - self._reported[0] > _REPORT_S:
            self._report(progress)

    def _report(self, progress: float) -> None:
        now, (then, views) = self.elapsed_s, self._reported
        rate = (self.views - views) / max(now - then, 1e-9)
        factor = learning_rate_factor(self._plan, self.step, progress, self._recipe)
        losses = {learner.name: learner.losses() for learner in self._learners}
        self.last_losses = losses[self._learners[0].name] or self.last_losses
        self._hooks.report(Report(self.step, now, progress, self.views, rate, factor, losses))
        self._reported = now, self.views


class _Ahead:
    """Batches of one step after the other, made in a thread of their own while the networks learn."""

    def __init__(self, make: Callable[[int], Batch], first: int) -> None:
        self._made: queue.Queue[Batch | BaseException] = queue.Queue(_AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(make, first), name="batches", daemon=True)
        self._thread.start()

    def next(self) -> Batch:
        """The batch of the next step. Raises what went wrong while it was made."""
        batch = self._made.get()
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def close(self) -> None:
        """Ends the thread."""
        self._ended.set()
        while self._thread.is_alive():
            try:
                self._made.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()

    def _run(self, make: Callable[[int], Batch], first: int) -> None:
        step = first
        try:
            while not self._ended.is_set():
                batch = make(step)
                step += 1
                self._put(batch)
        except BaseException as error:  # noqa: BLE001 - it is raised where the batch is wanted
            self._put(error)

    def _put(self, made: Batch | BaseException) -> None:
        while not self._ended.is_set():
            try:
                self._made.put(made, timeout=0.1)
                return
            except queue.Full:
                continue
