"""The rooms: imports run downward only, and each heavy library has one home."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "docdetect"
FLOORS = {
    "__main__": 10, "cli": 9, "service": 9, "doctor": 9,
    "api": 8, "active_learning": 8, "review": 8, "inference": 7, "evaluation": 7,
    "training": 6,
    "audit": 5, "prepare": 5, "synth": 5,
    "datasets": 4, "models": 4, "metrics": 4, "reports": 4,
    "documents": 3, "annotations": 3,
    "workers": 2,
    "types": 1, "boxes": 1, "merging": 1, "calibration": 1, "tables": 1, "weighted_fusion": 1,
    "errors": 0, "interrupts": 0, "config": 0, "files": 0, "console": 0, "machine": 0, "__init__": 0,
}  # fmt: skip
HOMES = {
    "multiprocessing": {"workers", "synth"},
    "pymupdf": {"documents"},
    "fitz": {"documents"},
    "ultralytics": {"training", "models"},
}


def imports_of(path: Path) -> list[tuple[str, int]]:
    """(module, line) of every import in the file, those inside functions too, those for type checkers only left out."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found.append((node.module, node.lineno))
            if node.module == "docdetect":
                found += [
                    (f"docdetect.{alias.name}", node.lineno) for alias in node.names if (SOURCE / alias.name).exists()
                ]
    return found


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def test_imports_run_downward_and_rooms_of_one_floor_keep_apart() -> None:
    breaches = []
    for path in sorted(SOURCE.rglob("*.py")):
        room = room_of(path)
        for module, line in imports_of(path):
            if not module.startswith("docdetect."):
                continue
            other = module.split(".")[1]
            if other == "__version__" or other == room:
                continue
            above = FLOORS[other] > FLOORS[room] or (
                FLOORS[other] == FLOORS[room] and FLOORS[room] >= 2 and room != "cli"
            )
            if above:
                breaches.append(f"{path.relative_to(SOURCE)}:{line} imports {module}")
    assert breaches == []


def test_every_room_has_a_floor_and_every_floor_names_rooms_that_exist() -> None:
    assert {room_of(path) for path in SOURCE.rglob("*.py")} == set(FLOORS)


def test_heavy_libraries_have_one_home() -> None:
    breaches = [
        f"{path.relative_to(SOURCE)}:{line} imports {module}"
        for path in sorted(SOURCE.rglob("*.py"))
        for module, line in imports_of(path)
        if module.split(".")[0] in HOMES and room_of(path) not in HOMES[module.split(".")[0]]
    ]
    assert breaches == []


def test_the_ground_floor_needs_the_standard_library_only() -> None:
    for name in ("errors.py", "interrupts.py", "config/loading.py", "files.py", "console.py", "machine.py"):
        tree = ast.parse((SOURCE / name).read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        modules = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
        modules |= {node.module or "" for node in top if isinstance(node, ast.ImportFrom)}
        assert not {m for m in modules if m.split(".")[0] in {"numpy", "yaml", "rich", "pydantic", "typer"}}, name
