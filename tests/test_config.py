"""Configuration: layers, strictness, and messages that name key, range and nearest valid key."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.config.loading import dump_config, find_config, known_keys, load_config, parse_yaml
from docdetect.errors import ConfigError, InputError


def message(file: Path | None = None, *assignments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(str(file) if file else None, assignments)
    return caught.value.message


def test_layers_file_then_set_then_flag(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("train: {epochs: 7, batch: 7, imgsz: 320}\n", encoding="utf-8")
    config = load_config(str(file), ["train.batch=8", "train.imgsz=640"], {"train.imgsz": 96, "train.lr0": None})
    assert (config.train.epochs, config.train.batch, config.train.imgsz, config.train.lr0) == (7, 8, 96, 0.001)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("train.epocs=3", "train.epocs: unknown key; did you mean train.epochs?"),
        ("epochs=3", "epochs: unknown key; did you mean train.epochs?"),
        ("tran.epochs=3", "tran: unknown key; did you mean train?"),
        ("train.epochs=many", "train.epochs: should be a valid integer (found 'many')"),
        ("train.epochs=1.5", "train.epochs: should be a valid integer (found 1.5)"),
        ("train.epochs=0", "train.epochs: should be greater than or equal to 1 (found 0)"),
        ("infer.conf=3", "infer.conf: should be less than or equal to 1 (found 3)"),
        ("infer.conf=.nan", "infer.conf: should be a finite number (found nan)"),
        ("train.imgsz=100", "train.imgsz: should be a multiple of 32 (found 100)"),
        ("train.optimizer=Adagrad", "train.optimizer: should be 'SGD', 'Adam', 'AdamW', 'NAdam', 'RAdam' or 'RMSProp'"),
        ("data.class_map={seal: stmp}", "class_map: stmp not among the classes qr, signature, stamp"),
        ("data.classes=[qr, qr]", "classes: a name stands twice in ['qr', 'qr']"),
    ],
)
def test_a_wrong_key_or_value_says_what_is_allowed(assignment: str, expected: str) -> None:
    assert expected in message(None, assignment)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("train: {epochs: 0, bach: 3}\ninfer: {conf: 2}\n", encoding="utf-8")
    text = message(file)
    assert str(file) in text
    assert all(part in text for part in ("train.epochs", "train.bach", "infer.conf"))


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['true']", "a: !!python/name:os.system"])
def test_python_tags_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"evil\.yaml: not valid YAML .*could not determine a constructor"):
        parse_yaml(text, "evil.yaml")


def test_a_key_twice_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml: epochs stands twice \(line 3\)"):
        parse_yaml("train:\n  epochs: 1\n  epochs: 2\n", "x.yaml")


def test_yaml_that_is_no_mapping_is_an_error() -> None:
    with pytest.raises(ConfigError, match="expected sections with keys, found list"):
        parse_yaml("- 1\n", "x.yaml")


def test_merge_keys_and_anchors_work() -> None:
    assert parse_yaml("a: &x {b: 1}\nc: {<<: *x}\n", "x.yaml")["c"] == {"b": 1}


def test_set_needs_an_equals_sign() -> None:
    assert message(None, "train.epochs") == "--set train.epochs: expected section.key=value"


def test_set_cannot_reach_into_a_value() -> None:
    assert "train.epochs.x: epochs is a value, not a section" in message(None, "train.epochs=1", "train.epochs.x=2")


def test_an_unknown_file_lists_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        find_config("bets.yaml")
    assert "best.yaml" in caught.value.remedy


def test_a_shipped_name_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config("best.yaml").name == "best.yaml"
    (tmp_path / "configs").mkdir()
    own = tmp_path / "configs" / "best.yaml"
    own.write_text("train: {epochs: 3}\n", encoding="utf-8")
    assert load_config("best.yaml").train.epochs == 3


def test_dump_and_load_are_inverse(tmp_path: Path) -> None:
    config = load_config(None, ["data.classes=[подпись, печать]", "data.empty=0.5", "train.auto_augment=null"])
    file = tmp_path / "c.yaml"
    file.write_text(dump_config(config), encoding="utf-8")
    assert load_config(str(file)) == config


@given(st.sampled_from(known_keys()), st.text(max_size=8))
def test_any_text_for_any_key_loads_or_is_a_config_error(key: str, value: str) -> None:
    with contextlib.suppress(ConfigError):
        assert load_config(None, [f"{key}={value}"]).model_dump().keys() == load_config().model_dump().keys()


def test_every_shipped_configuration_is_valid() -> None:
    files = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
    assert {"best.yaml", "data.yaml", "infer.yaml"} <= {file.name for file in files}
    for file in files:
        load_config(str(file))
