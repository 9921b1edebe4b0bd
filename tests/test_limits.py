"""What a page may cost has one definition, in every command."""

from __future__ import annotations

from docdetect.config.limits import PAGE_TIME_LIMIT_S, PROCESS_MEMORY_MB
from docdetect.config.schema import Config, InferConfig
from docdetect.datasets.ground_truth import worker_settings
from docdetect.inference.settings import RunSettings
from docdetect.workers.parts import WorkerSettings


def test_all_commands_have_the_same_limits_of_time_and_memory() -> None:
    infer, run = InferConfig(), RunSettings(("qr",), "f" * 64)
    time_limits_s = {infer.doc_timeout_s, run.doc_timeout_s, WorkerSettings().timeout_s}
    assert time_limits_s | {worker_settings(Config().data).timeout_s} == {PAGE_TIME_LIMIT_S}
    memory_limits = {infer.doc_memory_mb << 20, run.doc_memory_mb << 20, WorkerSettings().memory_bytes}
    assert memory_limits == {PROCESS_MEMORY_MB << 20}
