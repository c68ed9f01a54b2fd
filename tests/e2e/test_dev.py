"""`landfall dev`: the whole system in one process on the embedded Kafka and S3, with nothing installed."""

import json
import re
import subprocess

import duckdb
from parts import layout
from parts.process import free_port

from e2e.landfall import BINARY


def dev(folder, *words, timeout_s=120):
    command = [BINARY, "dev", "--data", folder, "--listen", f"127.0.0.1:{free_port()}", *words]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=timeout_s)


def landed_files(folder):
    """Visible data files below the embedded buckets, without the product's own folders."""
    files = [path for path in (folder / "s3").rglob("*") if path.is_file()]
    return [path for path in files if not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)]


def test_dev_lands_everything_and_its_audit_is_clean(tmp_path):
    done = dev(tmp_path, "--for", "8s", "--rate", "2000", "--malformed", "0.01")
    layout.LOGS.mkdir(parents=True, exist_ok=True)
    (layout.LOGS / "dev.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    files = landed_files(tmp_path)
    assert files, "plain files lie under DIR/s3/<bucket>/<key>"
    shown = [str(path) for path in files if path.name.endswith(".jsonl.zst")]
    (rows,) = duckdb.sql(f"select count(*) from read_json({shown})").fetchall()[0]
    letters = [json.loads(line) for line in dead_letters(tmp_path)]
    assert rows > 1_000 and letters, "the generator writes good and malformed events"
    numbers = {int(text.replace(",", "")) for text in re.findall(r"\d[\d,]*", done.stdout + done.stderr)}
    assert rows in numbers, f"the tally names the {rows} landed records"
    assert len(letters) in numbers, f"the tally names the {len(letters)} dead letters"


def dead_letters(folder):
    for path in (folder / "s3").rglob("_landfall-dlq/**/*"):
        if path.is_file():
            tool = {"zst": ["zstd", "-dcq"], "gz": ["zcat"]}.get(path.suffix[1:], ["cat"])
            yield from subprocess.run([*tool, str(path)], capture_output=True, text=True, check=True).stdout.splitlines()


def test_dev_tells_how_to_read_and_a_second_run_keeps_the_first(tmp_path):
    first = dev(tmp_path, "--for", "4s", "--rate", "500")
    assert first.returncode == 0, first.stderr[-2_000:]
    told = first.stdout + first.stderr
    for word in ("duckdb", "zstdcat", str(tmp_path)):
        assert word in told, told[:3_000]
    before = set(landed_files(tmp_path))
    second = dev(tmp_path, "--for", "4s", "--rate", "500")
    assert second.returncode == 0, second.stderr[-2_000:]
    assert before < set(landed_files(tmp_path))
