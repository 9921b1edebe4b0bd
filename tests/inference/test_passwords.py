"""Encrypted documents: passwords tried in order, and never written anywhere."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from docdetect.cli.main import run
from docdetect.config.loading import dump_config, load_config
from docdetect.config.schema import Config, InferConfig
from docdetect.errors import ConfigError, InputError
from docdetect.files import read_json
from docdetect.inference import networks as module
from docdetect.inference.selection import known_passwords
from tests.support.fakes import ColourEngine, make_image, make_pdf

SECRETS = ("pa55-ж one", "pa55-two", "pa55-wrong")


def lock(path: Path, password: str, encryption: int = pymupdf.PDF_ENCRYPT_AES_256) -> None:
    plain = make_pdf(path.with_suffix(".plain"), [[("stamp", (20.0, 20.0, 60.0, 50.0))]])
    with pymupdf.open(plain, filetype="pdf") as pdf:
        pdf.save(path, encryption=encryption, user_pw=password, owner_pw="owner")
    plain.unlink()  # it is read, too: a file is what its content says


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    weights = tmp_path / "fake.pt"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(module, "resolve_weights", lambda name, runs: weights)
    monkeypatch.setattr(module, "load_engine", lambda *_, **__: ColourEngine())
    lock(tmp_path / "in" / "a.pdf", SECRETS[0])
    lock(tmp_path / "in" / "old.pdf", SECRETS[1], pymupdf.PDF_ENCRYPT_RC4_128)
    return tmp_path / "in"


def statuses(output: Path) -> dict[str, tuple[str, str]]:
    rows = read_json(output / "summary.json")["documents"]
    return {row["document"]: (row["status"], (row["failure"] or {}).get("kind", "")) for row in rows}


def infer(source: Path, *options: str) -> int:
    output = source.parent / "out"
    words = ["infer", "--source", str(source), "--output", str(output), "--workers", "1", "--set", "infer.imgsz=256"]
    return run([*words, *options])


def test_passwords_open_documents_and_are_in_no_file_and_no_message(
    source: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = [f"--password={secret}" for secret in (SECRETS[2], SECRETS[0])]
    (source.parent / "passwords").write_bytes(b"\xef\xbb\xbfx\r\n" + SECRETS[1].encode() + b"\r\n\r\n")
    assert infer(source, *wanted, "--password-file", str(source.parent / "passwords"), "--save-crops") == 0
    output = source.parent / "out"
    assert statuses(output) == {"a.pdf": ("ok", ""), "old.pdf": ("ok", "")}
    assert len(list((output / "crops").rglob("*.jpg"))) == 2
    written = b"".join(path.read_bytes() for path in output.rglob("*") if path.is_file())
    written += "".join(capfd.readouterr()).encode()
    assert b"password_file" in written
    for secret in (*SECRETS, SECRETS[0].encode("unicode_escape").decode()):
        assert secret.encode() not in written


def test_without_its_password_a_document_is_reported_as_encrypted_and_a_resumed_run_tries_again(source: Path) -> None:
    make_image(source / "b.png", [])
    assert infer(source, "--password", SECRETS[2], "--password", SECRETS[1]) == 7
    output = source.parent / "out"
    assert statuses(output) == {"a.pdf": ("failed", "encrypted"), "b.png": ("ok", ""), "old.pdf": ("ok", "")}
    before = (output / "detections.jsonl").read_bytes()
    assert infer(source, "--resume", "--password", SECRETS[1]) == 7
    assert (output / "detections.jsonl").read_bytes() == before
    assert infer(source, "--resume", "--password", SECRETS[0]) == 0
    assert set(statuses(output).values()) == {("ok", "")}
    assert read_json(output / "summary.json")["run"]["pages_done"] == 1


def test_passwords_are_tried_in_order_once_each_and_keep_their_spaces(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_bytes(" b \nc\u2028d\na\n".encode())
    wanted = InferConfig(passwords=("a", ""), password_file=str(file))
    assert known_passwords(wanted) == ("a", " b ", "c\u2028d")


def test_a_password_file_that_cannot_be_read_is_an_error_without_its_content(source: Path) -> None:
    file = source.parent / "passwords"
    assert infer(source, "--password-file", str(file)) == 4
    file.write_bytes(b"secret\xff")
    with pytest.raises(InputError) as caught:
        known_passwords(InferConfig(password_file=str(file)))
    assert "secret" not in str(caught.value)


def test_the_configuration_takes_passwords_and_does_not_show_them() -> None:
    config = load_config(None, ["infer.passwords=[x1y2, z3]"])
    assert known_passwords(config.infer) == ("x1y2", "z3")
    assert "x1y2" not in dump_config(config) + repr(config)
    for wrong in ("infer.passwords=[98765]", "infer.passwords=[98765"):
        with pytest.raises(ConfigError) as caught:
            load_config(None, [wrong])
        assert "98765" not in str(caught.value)
    assert load_config(None, [], {}).model_dump() == Config().model_dump()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="process titles are read from /proc")
def test_no_worker_has_a_password_in_its_title(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[bytes] = []

    class OneMark(ColourEngine):
        def _detect(self, *arguments: object) -> object:  # type: ignore[override]
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    titles.append((process / "cmdline").read_bytes())
                except OSError:
                    continue
            return super()._detect(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "load_engine", lambda *_, **__: OneMark())
    assert infer(source, "--password", SECRETS[0], "--password", SECRETS[1]) == 0
    assert any(b"forkserver" in title for title in titles)
    assert not any(SECRETS[1].encode() in title for title in titles)
