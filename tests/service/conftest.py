from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from docdetect.config.schema import Config, DataConfig, InferConfig, ServeConfig
from docdetect.inference.detector import Detector
from docdetect.models.engines.base import Engine
from docdetect.service.app import make_app
from docdetect.service.runner import Service
from tests.support.fakes import ColourEngine


def fake_detector(engine: Engine | None = None) -> Detector:
    """A warm Detector without a network that renders in this process."""
    detector = Detector(engine=engine or ColourEngine(), imgsz=256, workers=0)
    detector.weights = Path("fake.pt")
    return detector


class Client(TestClient):
    """Sends documents to a service, and waits for jobs."""

    service: Service

    def upload(self, path: str, *documents: Path | tuple[str, bytes], headers: Any = None, **options: Any) -> Any:
        """Posts documents and options as a form."""
        import json

        files: list[tuple[str, Any]] = [
            ("files", document if isinstance(document, tuple) else (document.name, document.read_bytes()))
            for document in documents
        ]
        if options:
            files.append(("options", (None, json.dumps(options))))
        return self.post(path, files=files, headers=headers)

    def ended(self, job_id: str, patience_s: float = 30) -> Any:
        """The job once it has ended."""
        deadline_s = time.monotonic() + patience_s
        while True:
            job = self.get(f"/v1/jobs/{job_id}").json()
            if job["state"] in ("done", "failed", "cancelled"):
                return job
            assert time.monotonic() < deadline_s, job
            time.sleep(0.02)


Start = Callable[..., Client]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service in this process; keyword arguments are keys of the section `serve`."""
    with ExitStack() as stack:

        def started(
            *,
            load: Callable[[], Detector] = fake_detector,
            token: str = "",
            any_host: bool = True,
            wait: bool = True,
            infer: Any = None,
            data: Any = None,
            **keys: Any,
        ) -> Client:
            serve = ServeConfig.model_validate({"folder": str(tmp_path / "serve"), "min_free_mb": 0} | keys)
            config = Config(
                serve=serve,
                infer=InferConfig.model_validate(infer or {}),
                data=DataConfig.model_validate(data or {}),
            )
            service = stack.enter_context(Service(config, load))
            client = Client(make_app(service, token=token, any_host=any_host))
            stack.enter_context(client)
            client.service = service
            assert not wait or service.warm.wait(30)
            return client

        yield started
