"""Suspicious labels are found, and good ones are left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docdetect.annotations.cleaning import ClassRules
from docdetect.annotations.marks import AnnotatedPage, Annotations, Mark
from docdetect.annotations.native import annotations_from_text, annotations_to_json
from docdetect.audit.label_checks import LabelledPages, Suspicion, unusual_findings
from docdetect.audit.run import LabelAudit, audit_labels, run_audit
from docdetect.config.schema import AuditConfig, Config, DataConfig
from docdetect.datasets.split import PageKey
from docdetect.files import write_json
from docdetect.prepare.dataset import prepare
from docdetect.types import Detections
from docdetect.workers.parts import WorkerSettings
from tests.support.archives import Archive, make_archive

CLASSES = ("qr", "signature", "stamp")
HERE = WorkerSettings(workers=0)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return make_archive(tmp_path_factory.mktemp("archive"), documents=5)


def audited(archive: Archive, annotations: Annotations, detections: Annotations | None = None) -> LabelAudit:
    archive.relabel(annotations)
    config = DataConfig(pdfs=str(archive.pdfs), annotations=str(archive.json), classes=CLASSES)
    return audit_labels(config, HERE, detections)


def mark_of(archive: Archive, key: str, document: str) -> Mark:
    return next(mark for mark in archive.ground_truth[document][3].marks if mark.key == key)


def with_marks(archive: Archive, changed: dict[tuple[str, str], Mark], added: dict[str, list[Mark]]) -> Annotations:
    """The ground truth with marks replaced, by document and key, and others added to documents."""
    labels: Annotations = {}
    for document, pages in archive.ground_truth.items():
        marks = [changed.get((document, mark.key), mark) for mark in pages[3].marks]
        labels[document] = {3: replace(pages[3], marks=(*marks, *added.get(document, [])))}
    return labels


@pytest.fixture(scope="module")
def damaged(archive: Archive) -> tuple[LabelAudit, Annotations]:
    """An audit of labels of which single ones were damaged in known ways."""
    cut, loose = mark_of(archive, "g1", "act 1.tif"), mark_of(archive, "g2", "act 1.tif")
    x, y, width, height = loose.xywh
    copied = mark_of(archive, "s0", "act 0.tif")
    changed = {
        ("act 1.tif", "g0"): Mark("signature", (560.0, 560.0, 120.0, 40.0), "g0"),
        ("act 1.tif", "g1"): replace(cut, xywh=(cut.xywh[0], cut.xywh[1] - 0.6 * cut.xywh[3], *cut.xywh[2:])),
        ("act 1.tif", "g2"): replace(loose, xywh=(x - 10, y - 25, width + 90, height + 60)),
        ("act 2.tif", "s1"): replace(mark_of(archive, "s1", "act 2.tif"), category="signature"),
        ("act 3.tif", "s1"): Mark("stamp", (200.0, 200.0, 120.0, 120.0), "s1"),
    }
    added = {
        "act 0.tif": [replace(copied, xywh=(copied.xywh[0] + 2, *copied.xywh[1:]), key="copy")],
        "act 4.tif": [
            Mark("stamp", (10.0, 10.0, 0.0, 5.0), "flat"),
            Mark("stamp", (650.0, 900.0, 100.0, 60.0), "over"),
        ],
    }
    labels = with_marks(archive, changed, added)
    return audited(archive, labels), labels


def suspicions(audit: LabelAudit, document: str, position: int) -> list[Suspicion]:
    return [one.suspicion for one in audit.findings if one.page == PageKey(document, 3) and one.position == position]


def test_good_labels_raise_no_suspicion(archive: Archive) -> None:
    assert audited(archive, archive.ground_truth).findings == ()


@pytest.mark.parametrize("moved", [-2, -1, 1])
def test_a_document_labelled_pages_off_is_named_with_the_way_back(archive: Archive, moved: int) -> None:
    page = archive.ground_truth["act 2.tif"][3]
    (finding,) = audited(archive, archive.ground_truth | {"act 2.tif": {3 + moved: page}}).findings
    assert finding.suspicion is Suspicion.OTHER_PAGE
    assert finding.page == PageKey("act 2.tif", 3 + moved)
    assert finding.suggested_offset == -moved


def test_labels_moved_beyond_the_end_are_named_with_the_way_back(archive: Archive) -> None:
    page = archive.ground_truth["act 2.tif"][3]
    (finding,) = audited(archive, archive.ground_truth | {"act 2.tif": {5: page}}).findings
    assert (finding.suspicion, finding.suggested_offset) == (Suspicion.OTHER_PAGE, -2)


def test_a_single_page_beyond_the_end_is_reported(archive: Archive) -> None:
    extra = AnnotatedPage((700, 990), (mark_of(archive, "s0", "act 2.tif"),))
    pages = archive.ground_truth["act 2.tif"] | {9: extra}
    kinds = {
        (one.suspicion, one.page) for one in audited(archive, archive.ground_truth | {"act 2.tif": pages}).findings
    }
    assert kinds == {(Suspicion.BEYOND_END, PageKey("act 2.tif", 9))}


@pytest.mark.parametrize(
    ("document", "position", "suspicion"),
    [
        ("act 1.tif", 2, Suspicion.BLANK),
        ("act 1.tif", 3, Suspicion.CUT),
        ("act 1.tif", 4, Suspicion.LOOSE),
        ("act 2.tif", 1, Suspicion.WRONG_CLASS),
        ("act 3.tif", 1, Suspicion.NO_MARK),
        ("act 0.tif", 5, Suspicion.DUPLICATE),
    ],
)
def test_a_damaged_label_is_found(
    damaged: tuple[LabelAudit, Annotations], document: str, position: int, suspicion: Suspicion
) -> None:
    assert suspicions(damaged[0], document, position) == [suspicion]


def test_only_damaged_labels_are_found_and_the_gravest_stand_first(damaged: tuple[LabelAudit, Annotations]) -> None:
    found = damaged[0].findings
    order = [list(Suspicion).index(one.suspicion) for one in found]
    assert order == sorted(order)
    assert {(one.page.document, one.position) for one in found} <= {
        ("act 1.tif", 2), ("act 1.tif", 3), ("act 1.tif", 4), ("act 2.tif", 1), ("act 3.tif", 1), ("act 0.tif", 5),
        ("act 4.tif", 5),
    }  # fmt: skip


def test_fix_does_only_what_is_safe_and_says_what(damaged: tuple[LabelAudit, Annotations], archive: Archive) -> None:
    audit, labels = damaged
    fixed, fixes = audit.fixed(ClassRules(CLASSES))
    assert {(fix.page.document, fix.key, fix.action.split(":")[0]) for fix in fixes} == {
        ("act 0.tif", "copy", "removed"),
        ("act 1.tif", "g2", "shrunk"),
        ("act 4.tif", "flat", "removed"),
        ("act 4.tif", "over", "cut at the edge of the page"),
    }
    assert fixed["act 0.tif"] == archive.ground_truth["act 0.tif"]
    assert fixed["act 2.tif"] == labels["act 2.tif"]
    assert fixed["act 4.tif"][3].marks[-1].xywh == (650.0, 900.0, 50.0, 60.0)
    shrunk = next(mark for mark in fixed["act 1.tif"][3].marks if mark.key == "g2")
    true = mark_of(archive, "g2", "act 1.tif")
    assert np.abs(np.subtract(shrunk.xywh, true.xywh)).max() < 8
    assert audit.annotations == labels


def test_a_label_of_unusual_size_or_shape() -> None:
    usual = [[100 + i, 100, 160 + 2 * i, 160] for i in range(12)]
    boxes = np.array([*usual, [0, 0, 600, 600], [0, 0, 300, 12]], np.float32)
    page = Detections(boxes, np.zeros(len(boxes), np.int64), (700, 990))
    pages = LabelledPages({PageKey("a", 1): page}, {}, CLASSES)
    found = {one.position: one.message for one in unusual_findings(pages)}
    assert set(found) == {12, 13}
    assert "large" in found[12]
    assert "wide" in found[13]


def test_a_second_usual_size_is_not_unusual() -> None:
    boxes = [[0, 0, 60 + i, 60] for i in range(12)] + [[0, 0, 400 + i, 400] for i in range(5)]
    page = Detections(np.array(boxes, np.float32), np.zeros(len(boxes), np.int64), (700, 990))
    assert list(unusual_findings(LabelledPages({PageKey("a", 1): page}, {}, CLASSES))) == []


def test_detections_contradict_labels_and_reveal_missing_ones(archive: Archive) -> None:
    page = archive.ground_truth["act 1.tif"][3]
    seen = {
        "act 1.tif": {
            3: replace(
                page,
                marks=tuple(
                    replace(mark, confidence=0.9, category="qr" if mark.key == "s0" else mark.category)
                    for mark in page.marks
                    if mark.key != "g0"
                ),
            )
        }
    }
    labels = archive.ground_truth | {"act 1.tif": {3: replace(page, marks=page.marks[:-1])}}
    audit = audited(archive, labels, seen)
    kinds = {one.suspicion: one for one in audit.findings}
    assert kinds[Suspicion.MISSING].class_name == "signature"
    assert kinds[Suspicion.MISSING].position is None
    assert kinds[Suspicion.WRONG_CLASS].message == "the model sees qr here (0.90)"
    assert kinds[Suspicion.DISAGREES].position == 2
    assert len(audit.findings) == 3


@pytest.mark.slow
@pytest.mark.parametrize("moved", [1, -2])
def test_a_real_document_labelled_pages_off_is_named(shared_data: Path, tmp_path: Path, moved: int) -> None:
    real = shared_data / "armeta"
    labels = annotations_from_text((real / "annotations.json").read_text(encoding="utf-8"), "armeta")
    shown = Archive(real / "pdfs", tmp_path / "annotations.json", labels)
    page = labels["локалсмета-.pdf"][3]
    findings = audited(shown, labels | {"локалсмета-.pdf": {3 + moved: page}}).findings
    (finding,) = [one for one in findings if one.suspicion in (Suspicion.OTHER_PAGE, Suspicion.BEYOND_END)][:1]
    assert (finding.page.document, finding.suggested_offset) == ("локалсмета-.pdf", -moved)


def test_a_class_that_nobody_labelled_in_a_document_is_not_missing_there(archive: Archive) -> None:
    page = archive.ground_truth["act 1.tif"][3]
    seen = {"act 1.tif": {3: replace(page, marks=tuple(replace(mark, confidence=0.9) for mark in page.marks))}}
    missed = page.marks[-1]
    archive.relabel(archive.ground_truth | {"act 1.tif": {3: replace(page, marks=page.marks[:-1])}})
    config = DataConfig(pdfs=str(archive.pdfs), annotations=str(archive.json), classes=CLASSES)
    complete = audit_labels(config, HERE, seen)
    assert [one.class_name for one in complete.findings if one.suspicion is Suspicion.MISSING] == [missed.category]
    others = tuple(name for name in CLASSES if name != missed.category)
    for place in (".", "act 1.tif"):
        partial = audit_labels(config.model_copy(update={"labelled": {place: others}}), HERE, seen)
        assert [one for one in partial.findings if one.suspicion is Suspicion.MISSING] == []
    elsewhere = audit_labels(config.model_copy(update={"labelled": {"act 2.tif": others}}), HERE, seen)
    assert [one for one in elsewhere.findings if one.suspicion is Suspicion.MISSING]


def test_an_audit_heeds_what_the_dataset_says_is_labelled(archive: Archive, tmp_path: Path) -> None:
    page = archive.ground_truth["act 1.tif"][3]
    seen = {"act 1.tif": {3: replace(page, marks=tuple(replace(mark, confidence=0.9) for mark in page.marks))}}
    write_json(tmp_path / "seen.json", annotations_to_json(seen))
    missed = page.marks[-1].category
    archive.relabel(archive.ground_truth | {"act 1.tif": {3: replace(page, marks=page.marks[:-1])}})
    others = tuple(name for name in CLASSES if name != missed)
    found = {}
    for name, labelled in (("complete", {}), ("partial", {"act 1.tif": others})):
        data = DataConfig(
            pdfs=str(archive.pdfs),
            annotations=str(archive.json),
            classes=CLASSES,
            dataset=str(tmp_path / name),
            unlisted="empty",
            labelled=labelled,
        )
        prepare(data, workers=HERE)
        audit = AuditConfig(detections=str(tmp_path / "seen.json"))
        outcome = run_audit(Config(data=data.model_copy(update={"labelled": {}}), audit=audit))
        found[name] = [one.class_name for one in outcome.findings if one.suspicion is Suspicion.MISSING]
    assert found == {"complete": [missed], "partial": []}
