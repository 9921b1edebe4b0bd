"""Configuration: layers, strictness, and messages that name key, range and nearest valid key."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docdetect.config.describe import commented_yaml, keys_of, sections
from docdetect.config.loading import dump_config, find_config, known_keys, load_config, load_with_origins, parse_yaml
from docdetect.config.option import Panel
from docdetect.config.shipped import with_comments
from docdetect.errors import ConfigError, InputError


def message(file: Path | None = None, *assignments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(str(file) if file else None, assignments)
    return caught.value.message


def test_layers_file_then_set_then_flag(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("train: {epochs: 7, batch: 7, imgsz: 320}\n", encoding="utf-8")
    config = load_config(str(file), ["train.batch=8", "train.imgsz=640"], {"train.imgsz": 96})
    assert (config.train.epochs, config.train.batch, config.train.imgsz, config.train.lr0) == (7, 8, 96, 0.001)


def test_a_list_whose_only_item_is_wrong_is_told_once() -> None:
    assert message(None, "cutouts.splits=[tran]") == (
        "--set cutouts.splits: should be 'train', 'val' or 'test' (found 'tran')"
    )


@pytest.mark.parametrize(
    ("text", "assignments", "expected"),
    [
        ("{dpi: 300}", [], ("dpi", "dpi")),
        ("{long_side: 640}", [], ("long_side", "long_side")),
        ("{dpi: 300, size: annotations}", [], ("annotations", "dpi")),
        ("{dpi: 300, long_side: 640, size: dpi}", [], ("dpi", "dpi")),
        ("{long_side: 640, size: annotations, images_size: dpi}", [], ("annotations", "dpi")),
        ("{dpi: 300}", ["data.size=annotations"], ("annotations", "dpi")),
        ("{dpi: 300}", ["data.long_side=640"], ("long_side", "long_side")),
        ("{size: annotations}", ["data.dpi=300"], ("dpi", "dpi")),
        ("{}", ["data.long_side=640", "data.size=dpi"], ("dpi", "long_side")),
        ("{}", [], ("annotations", "dpi")),
    ],
)
def test_a_resolution_or_a_long_side_without_a_size_is_the_size(
    text: str, assignments: list[str], expected: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"data: {text}\n", encoding="utf-8")
    data = load_config(str(file), assignments).data
    assert (data.size, data.images_size) == expected


def test_what_brings_a_size_is_named_as_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("data: {dpi: 300}\n", encoding="utf-8")
    assert load_with_origins(str(file), (), None, None)[1]["data.size"] == str(file)
    assert load_with_origins(str(file), ["data.long_side=640"], None, None)[1]["data.size"] == "--set"
    assert load_with_origins(str(file), (), {"data.size": "dpi"}, None)[1]["data.size"] == "--size"


def test_two_sizes_without_a_choice_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("data: {long_side: 640, dpi: 300}\n", encoding="utf-8")
    for said, origin in ((message(file), str(file)), (message(None, "data.dpi=3", "data.long_side=64"), "--set")):
        assert said == f"{origin}: data.dpi and data.long_side need different values of data.size"
    with pytest.raises(ConfigError) as caught:
        load_config(str(file))
    assert caught.value.remedy == "Keep one of them, or add data.size: dpi or data.size: long_side."


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("train.epocs=3", "--set train.epocs: unknown key; did you mean train.epochs?"),
        ("epochs=3", "--set epochs: unknown key; did you mean train.epochs?"),
        ("tran.epochs=3", "tran: unknown key; did you mean train?"),
        ("train.epochs=many", "train.epochs: should be a valid integer (found 'many')"),
        ("train.epochs=1.5", "train.epochs: should be a valid integer (found 1.5)"),
        ("train.epochs=0", "train.epochs: should be greater than or equal to 1 (found 0)"),
        ("infer.conf=3", "infer.conf: should be between 0 and 1 (found 3)"),
        ("infer.conf=.nan", "infer.conf: should be a finite number (found nan)"),
        ("train.imgsz=100", "train.imgsz: should be a multiple of 32 (found 100)"),
        ("train.optimizer=Adagrad", "train.optimizer: should be 'SGD', 'Adam', 'AdamW', 'NAdam', 'RAdam' or 'RMSProp'"),
        ("data.class_map={seal: stmp}", "--set data.class_map: stmp not among the classes qr, signature, stamp"),
        ("data.classes=[qr, qr]", "--set data.classes: a name stands twice in ['qr', 'qr']"),
    ],
)
def test_a_wrong_key_or_value_says_what_is_allowed(assignment: str, expected: str) -> None:
    assert expected in message(None, assignment)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("train: {epochs: 0, bach: 3}\ninfer: {conf: 2}\n", encoding="utf-8")
    text = message(file)
    assert text.startswith("3 settings are wrong\n")
    assert all(f"{file}: {key}: " in text for key in ("train.epochs", "train.bach", "infer.conf"))


def test_every_problem_is_blamed_on_the_place_that_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("train: {epochs: 0}\ndata: {val: 0.6}\n", encoding="utf-8")
    flags = {"infer.conf": 2.0, "data.test": 0.5, "val.split": "tset"}
    with pytest.raises(ConfigError) as caught:
        load_config(str(file), ["train.batch=0"], flags, {"infer.conf": "--conf"})
    lines = caught.value.message.splitlines()
    assert f"  - {file}: train.epochs: should be greater than or equal to 1 (found 0)" in lines
    assert "  - --set train.batch: should be greater than or equal to 1 (found 0)" in lines
    assert "  - --conf (infer.conf): should be between 0 and 1 (found 2)" in lines
    assert "  - --split (val.split): should be 'train', 'val' or 'test' (found 'tset')" in lines
    assert f"  - {file} and --test: data.val + test: 0.6 + 0.5 leave nothing to train on" in lines


def test_a_renamed_key_says_what_stands_for_it() -> None:
    assert "say train.flips: false for handedness: true" in message(None, "train.handedness=true")


def test_a_mapping_of_an_option_is_added_to_what_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("data: {class_map: {seal: stamp, logo: stamp}}\n", encoding="utf-8")
    config = load_config(str(file), (), {"data.class_map": {"logo": None}})
    assert config.data.class_map == {"seal": "stamp", "logo": None}


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
    assert "--set train.epochs.x: epochs is a value, not a section" in message(
        None, "train.epochs=1", "train.epochs.x=2"
    )


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


def test_the_ending_of_a_configuration_may_be_left_out() -> None:
    assert find_config("best") == find_config("best.yaml")


def test_every_key_says_what_it_is_and_where_its_option_stands() -> None:
    for section in sections():
        for key in keys_of(section):
            text = key.info.description or ""
            assert text[:1].isupper(), key.key
            assert text.endswith("."), key.key
            assert key.option.panel in get_args(Panel), key.key


def test_the_comments_of_the_shipped_configurations_are_the_descriptions_of_the_keys() -> None:
    for file in sorted((Path(__file__).parents[1] / "configs").glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        assert text == with_comments(text, file.name), f"{file.name}: run make configs"


def test_comments_are_replaced_and_values_and_remarks_kept() -> None:
    text = "# Mine\n# and yours\ntrain:\n  # old\n  epochs: 3  # a short one\n  window: [64, 32]\n"
    new = with_comments(text, "mine.yaml")
    assert new.startswith("# Mine\n# and yours\n\n# The training recipe")
    assert "  # Largest number of epochs.\n  epochs: 3  # a short one\n" in new
    assert "old" not in new
    assert parse_yaml(new, "new") == parse_yaml(text, "old")
    assert with_comments(new, "new.yaml") == new


def test_a_commented_configuration_loads_to_the_same_values(tmp_path: Path) -> None:
    config = load_config(None, ["data.classes=[подпись, печать]", "data.class_map={a: null, 'b: c': печать}"])
    file = tmp_path / "c.yaml"
    file.write_text(commented_yaml(config.model_dump(mode="json")), encoding="utf-8")
    assert load_config(str(file)) == config


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


def test_the_device_options_of_train_reach_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    given = {"train.scales": ["0.6", "2"], "train.views": "device", "train.synth": {"share": 0.5, "looks": 3}}
    recipe = load_config(None, (), given).train
    assert recipe.scales == (0.6, 2.0)
    assert (recipe.synth.share, recipe.synth.looks, recipe.synth.first) == (0.5, 3, 200)
    assert load_config(None, ("train.views=device", "train.synth.share=0.2")).train.synth.share == 0.2
