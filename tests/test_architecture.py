"""The rules of docs/architecture.md that no import contract can say."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOVEREIGN = ROOT / "layers/shared/python/sovereign"
FUNCTIONS = ROOT / "functions"
MEDIA = ROOT / "media_fargate/media"
INFRA = ROOT / "infra"

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50

HOMES: dict[str, set[str]] = {
    "os.environ": {"sovereign/kernel/settings.py"},
    "os.getenv": set(),
    "boto3": {f"sovereign/kernel/{name}.py" for name in ("aws", "conditions", "attribute_values")},
    "botocore.session": {"sovereign/kernel/aws.py"},
    "pydantic.EmailStr": set(),  # it loads its parser with every model; assistants load it with an address
    "datetime.now": {"sovereign/kernel/clock.py"},
    "datetime.utcnow": set(),
    "datetime.today": set(),
    "date.today": set(),
    "time.time": {"sovereign/kernel/clock.py"},
    "time.time_ns": set(),
    "uuid": {"sovereign/kernel/ids.py"},
    "secrets": {"sovereign/kernel/ids.py"},
    "random": {"sovereign/kernel/backoff.py"},  # jitter of retries, no identifier
}
"""What may be used in one place only. Modules (an import counts) or attributes of one (a use counts)."""

VENDOR_SDKS = {
    "openai",
    "deepgram",
    "elevenlabs",
    "google.genai",
    "google.cloud",
    "mistralai",
    "gladiaio_sdk",
    "soniox",
    "cartesia",
}
ROUTED_BY_DESIGN = {"handler.py", "router.py", "schemas.py"}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def sources(*roots: Path) -> Iterator[Path]:
    for root in roots:
        yield from (path for path in sorted(root.rglob("*.py")) if not {"cdk.out", ".venv"} & set(path.parts))


def shown(path: Path) -> str:
    """The path as messages and HOMES spell it."""
    return path.relative_to(ROOT).as_posix().removeprefix("layers/shared/python/").removeprefix("media_fargate/")


def imported_modules(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module an import statement at any depth names, `from a import b` as `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def runtime_imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """As `imported_modules`, without what only a type checker sees."""
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in hidden:
            yield from imported_modules(node)


def attribute_uses(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every `name.attribute` in the code, also at the end of a longer chain (`datetime.datetime.now`)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", None)
            if name:
                yield f"{name}.{node.attr}", node.lineno


def uses(path: Path) -> set[str]:
    tree = parsed(path)
    modules = {name for name, _ in runtime_imports(tree)}
    roots = {name.partition(".")[0] for name in modules}
    return modules | roots | {name for name, _ in attribute_uses(tree)}


@pytest.mark.parametrize("thing", sorted(HOMES))
def test_thing_is_used_in_its_home_only(thing: str) -> None:
    # the embedded runtime and the CDK app are operator tools: they start processes and read the operator's shell
    strangers = {shown(path) for path in sources(SOVEREIGN, FUNCTIONS, MEDIA) if thing in uses(path)}
    assert strangers - HOMES[thing] == set()


def test_vendor_sdk_is_imported_in_its_own_adapter_only() -> None:
    allowed = re.compile(r"media/speech/(stt|llm|tts|realtime)/|media/speech/[a-z]+_api\.py|sovereign/completion/")
    strangers = []
    for path in sources(SOVEREIGN, FUNCTIONS, MEDIA):
        used = {name for name, _ in runtime_imports(parsed(path))}
        named = {sdk for sdk in VENDOR_SDKS if any(name == sdk or name.startswith(f"{sdk}.") for name in used)}
        if named and not allowed.search(shown(path)):
            strangers.append((shown(path), sorted(named)))
        assert len(named) <= 1, f"{shown(path)} is the adapter of several vendors: {sorted(named)}"
    assert strangers == []


def test_models_are_pure() -> None:
    impure = []
    for path in SOVEREIGN.rglob("model.py"):
        used = {name.partition(".")[0] for name, _ in runtime_imports(parsed(path))}
        impure += [
            (shown(path), name) for name in sorted(used & {"boto3", "botocore", "fastapi", "starlette", "httpx"})
        ]
        reached = {name for name, _ in runtime_imports(parsed(path))}
        if reached & {"sovereign.kernel.table", "sovereign.kernel.aws"}:
            impure.append((shown(path), "sovereign.kernel.table"))
    assert impure == []


def test_kernel_imports_no_resource() -> None:
    strangers = [
        (shown(path), name)
        for path in sources(SOVEREIGN / "kernel")
        for name, _ in imported_modules(parsed(path))
        if name.startswith("sovereign.") and not name.startswith("sovereign.kernel")
    ]
    assert strangers == []


def test_framework_is_used_in_the_http_frame_and_routers_only() -> None:
    strangers = [
        shown(path)
        for path in sources(SOVEREIGN, FUNCTIONS, MEDIA)
        if {name.partition(".")[0] for name, _ in runtime_imports(parsed(path))} & {"fastapi", "starlette", "mangum"}
        and not shown(path).startswith("sovereign/http/")
        and not (shown(path).startswith("functions/") and (FUNCTIONS / path.parent.name / "router.py").exists())
    ]
    assert strangers == []


def test_function_imports_no_other_function() -> None:
    strangers = []
    for path in sources(FUNCTIONS):
        own = path.relative_to(FUNCTIONS).parts[0]
        strangers += [
            (shown(path), name)
            for name, _ in imported_modules(parsed(path))
            if name.startswith("functions.") and name.split(".")[1] != own
        ]
    assert strangers == []


def test_function_folder_has_its_parts() -> None:
    folders = [path for path in FUNCTIONS.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert folders
    for folder in folders:
        assert (folder / "handler.py").exists(), f"{folder.name} has no handler.py"
        router = folder / "router.py"
        if not router.exists():
            continue
        takes_bodies = "RequestModel" in router.read_text(encoding="utf-8")
        assert not takes_bodies, f"{folder.name}: wire models belong in schemas.py"
        assert len(parsed(folder / "handler.py").body) <= 4, (
            f"{folder.name}/handler.py: a router's handler has two lines"
        )


def test_files_are_short() -> None:
    long = {
        shown(path): lines
        for path in sources(SOVEREIGN, FUNCTIONS, MEDIA, INFRA)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    }
    assert long == {}


def test_functions_are_short() -> None:
    long = {}
    for path in sources(SOVEREIGN, FUNCTIONS, MEDIA, INFRA):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{shown(path)}:{node.name}"] = lines
    assert long == {}


def test_no_file_is_named_after_nothing() -> None:
    nameless = [
        shown(path)
        for path in sources(SOVEREIGN, FUNCTIONS, MEDIA, INFRA)
        if path.stem in {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
    ]
    assert nameless == []


def test_log_messages_are_static_snake_case() -> None:
    wrong = []
    for path in sources(SOVEREIGN, FUNCTIONS, MEDIA):
        for node in ast.walk(parsed(path)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            if name not in {"_log", "log", "logger", "_logger"} or node.func.attr not in LOG_METHODS:
                continue
            said = node.args[0] if node.args else None
            if not (isinstance(said, ast.Constant) and re.fullmatch(r"[a-z][a-z0-9_]*", str(said.value))):
                wrong.append(f"{shown(path)}:{node.lineno}")
    assert wrong == []


LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    assert program.exists() or shutil.which("lint-imports"), "import-linter is not installed"
    checked = subprocess.run(
        [str(program), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(map(str, (ROOT, SOVEREIGN.parent, MEDIA.parent))), "PATH": "/usr/bin:/bin"},
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def test_every_decision_has_a_number_of_its_own_and_names_it() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [record.name[:3] for record in records]
    assert numbers == [f"{number:03}" for number in range(1, len(records) + 1)]
    titles = [record.read_text(encoding="utf-8").splitlines()[0] for record in records]
    assert [title[:6] for title in titles] == [f"# {number}:" for number in numbers]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_documents_named_in_a_document_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    linked = {document.parent / target for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", text)}
    named = {ROOT / name for name in re.findall(r"`(docs/[\w/-]+\.(?:md|json))`", text)}
    assert [path for path in sorted(linked | named) if not path.exists()] == []
