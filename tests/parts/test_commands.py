"""The contributors' commands: a layer of `./test` asks for what it starts, a recipe sets what the tests read."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# (program, how a test or script that starts it shows it, what a layer says that needs it)
PROGRAMS = [
    ("zstd", r'\["zstd"', "need zstd zstd"),
    ("python3", r"\bpython3 -", "need python3 python3|python_environment"),
]


def layers():
    """Each layer's function in ./test, by name."""
    text = (ROOT / "test").read_text(encoding="utf-8")
    return dict(re.findall(r"^layer_(\w+)\(\) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", layers())
def test_a_layer_asks_for_the_programs_that_it_starts(name):
    body = layers()[name]
    ignored = re.findall(r"--ignore (\S+)", body)
    files = [path for path in re.findall(r"\btests/\S+\.(?:py|sh)\b", body) if path not in ignored]
    for path in files:
        text = (ROOT / path).read_text(encoding="utf-8")
        for program, shown, asked in PROGRAMS:
            if re.search(shown, text):
                assert re.search(asked, body), f"layer {name} runs {path}, which starts {program}: {asked}"


def test_every_layer_that_starts_a_program_is_seen():
    found = {path for body in layers().values() for path in re.findall(r"\btests/\S+\.(?:py|sh)\b", body)}
    assert {"tests/purity.sh", "tests/e2e/test_dev.py", "tests/e2e/test_formats.py"} <= found


def test_the_recipe_for_golden_files_sets_the_variable_that_tests_read():
    justfile = (ROOT / "justfile").read_text(encoding="utf-8")
    recipe = re.search(r"^golden:\n\s+(\w+)=\S+ cargo test", justfile, re.MULTILINE)
    sources = [path for top in ("sink", "infra", "dlq") for path in (ROOT / top).rglob("*.rs")]
    read = {name for path in sources for name in re.findall(r'"(UPDATE_\w+)"', path.read_text(encoding="utf-8"))}
    assert recipe and read == {recipe[1]}, (recipe, read)
