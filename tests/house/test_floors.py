"""The walls of the house: imports go down, never round, and torch stays in the lab."""

from __future__ import annotations

import ast
from pathlib import Path

SRC = Path(__file__).parents[2] / "src" / "firstsight"

FLOORS = {
    "errors": 1,
    "spelling": 1,
    "types": 1,
    "files": 1,
    "legible": 1,
    "terminal": 1,
    "onnx_runtime": 1,
    "notices": 1,
    "inputs": 2,
    "similarity": 2,
    "graphs": 2,
    "reranking": 2,
    "vectors": 2,
    "metrics": 2,
    "datasets": 3,
    "stores": 3,
    "calibration": 3,
    "spec": 3,
    "verdict": 3,
    "answer": 4,
    "card": 4,
    "decision": 4,
    "learned": 4,
    "model": 4,
    "model_files": 4,
    "gallery": 5,
    "occlusion": 5,
    "places": 5,
    "progress": 5,
    "apps": 6,
    "evaluation": 7,
    "report": 7,
    "learn": 8,
    "reproduce": 8,
    "api": 9,
    "cli": 10,
    "client": 10,
    "demo": 10,
    "serve": 10,
    "__main__": 10,
    "__init__": 10,
}


def modules() -> dict[str, Path]:
    """Dotted name below the package -> file."""
    found = {}
    for file in sorted(SRC.rglob("*.py")):
        parts = file.relative_to(SRC).with_suffix("").parts
        name = ".".join(p for p in parts if p != "__init__") or "__init__"
        found[name] = file
    return found


def room(module: str) -> str:
    """The room a module stands in."""
    return module.split(".")[0]


def imports(file: Path, *, inside_functions: bool = True, for_types: bool = True) -> set[str]:
    """Modules of the package that a file imports, as dotted names below it."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test) and not for_types:
                continue
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not inside_functions:
                continue
            if isinstance(child, ast.ImportFrom):
                if child.level == 0 and (child.module or "").split(".")[0] == "firstsight":
                    rest = (child.module or "").split(".")[1:]
                    for alias in child.names:
                        found.add(".".join([*rest, alias.name]))
                        if rest:
                            found.add(".".join(rest))
                assert child.level == 0, f"{file} imports relatively"
            elif isinstance(child, ast.Import):
                for alias in child.names:
                    parts = alias.name.split(".")
                    if parts[0] == "firstsight" and len(parts) > 1:
                        found.add(".".join(parts[1:]))
            visit(child)

    visit(ast.parse(file.read_text()))
    return found


def test_every_room_has_a_floor() -> None:
    """A new folder or module at the top must be given its floor here and in the design."""
    assert {room(m) for m in modules()} <= set(FLOORS)


def test_imports_go_down() -> None:
    """A module imports from its own room or from lower floors only; rims may import the api and each other."""
    climbs = []
    for name, file in modules().items():
        if name == "__init__":
            continue
        for target in imports(file, for_types=False):
            to = room(target)
            if to not in FLOORS or to == room(name):
                continue
            if FLOORS[to] > FLOORS[room(name)]:
                climbs.append(f"{name} (floor {FLOORS[room(name)]}) imports {target} (floor {FLOORS[to]})")
    assert not climbs


def test_no_circles() -> None:
    """No module reaches itself through imports made when modules load."""
    known = modules()
    edges = {
        name: {t for t in imports(file, inside_functions=False, for_types=False) if t in known and t != name}
        for name, file in known.items()
        if name != "__init__"
    }
    state: dict[str, int] = {}

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert state.get(name) != 1, " -> ".join([*path, name])
        if state.get(name) == 2:
            return
        state[name] = 1
        for target in edges.get(name, ()):
            walk(target, (*path, name))
        state[name] = 2

    for name in edges:
        walk(name, ())


def test_torch_stays_in_the_lab() -> None:
    """Only modules of learn/ import torch, onnx or safetensors; the demo and the runtime never do."""
    for name, file in modules().items():
        if room(name) == "learn":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            tops = {n.split(".")[0] for n in names}
            assert not tops & {"torch", "onnx", "onnxscript", "safetensors"}, f"{name} imports {tops}"


def test_one_module_loads_onnx_runtime() -> None:
    """Its usage data is off because one module alone imports it, and the package calls that one first of all."""
    for name, file in modules().items():
        if name == "onnx_runtime":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert "onnxruntime" not in {n.split(".")[0] for n in names}, name
    first = [node for node in ast.parse((SRC / "__init__.py").read_text()).body if isinstance(node, ast.Expr)]
    assert "keep_quiet()" in [ast.unparse(node) for node in first]


def test_only_api_imports_learn_and_only_inside_functions() -> None:
    """Nothing loads the lab until training is asked for."""
    for name, file in modules().items():
        if room(name) == "learn" or name == "__init__":
            continue
        loaded = {t for t in imports(file, inside_functions=False, for_types=False) if room(t) == "learn"}
        assert not loaded, f"{name} imports {loaded} when it loads"
        inside = {t for t in imports(file, for_types=False) if room(t) == "learn"}
        assert not inside or name == "api", f"{name} imports {inside}; only api may"


def test_no_room_for_the_homeless() -> None:
    """There is no utils, helpers, common or misc."""
    homeless = {"utils", "helpers", "common", "misc"}
    assert not [m for m in modules() if set(m.split(".")) & homeless]
