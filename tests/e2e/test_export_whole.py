"""Whatever happens to an export, there is no directory or a whole one; and verify knows which."""
import ctypes
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from helpers import FIXTURES, program

FILES = {"README.md", "config.json", "generation_config.json", "model.safetensors.index.json", "paretod.json",
         "paretod.manifest.json", "tokenizer.json", "tokenizer_config.json"}


def recipe(directory):
    path = directory / "recipe.yml"
    path.write_text(f"""models:
  - model: {FIXTURES / "base"}
    parameters: {{weight: 0.6}}
  - model: {FIXTURES / "tuned-rsf"}
    parameters: {{weight: 0.4}}
merge_method: linear
dtype: float32
out_dtype: bfloat16
""")
    return path


@pytest.fixture
def place():
    directory = Path(tempfile.mkdtemp(prefix="export-"))
    yield directory
    shutil.rmtree(directory)


def command(directory, out):
    return [program("paretoctl"), "export", "--from-yaml", str(recipe(directory)), "--out", str(out),
            "--max-shard-size", "200kB", "--threads", "2"]


def export(directory, out, **more):
    return subprocess.run(command(directory, out), capture_output=True, text=True, timeout=120, **more)


def verify(out, *flags):
    return subprocess.run([program("paretoctl"), "verify", str(out), *flags], capture_output=True, text=True, timeout=60)


def partials(directory):
    return [p for p in directory.iterdir() if ".partial-" in p.name]


def test_verify_knows_a_whole_one(place):
    out = place / "best"
    assert export(place, out).returncode == 0
    names = {p.name for p in out.iterdir()}
    assert FILES <= names and len(names - FILES) > 10, names
    whole = verify(out)
    assert whole.returncode == 0 and "all as they were written" in whole.stdout, whole
    shard = sorted(out.glob("model-*.safetensors"))[3]
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    broken = verify(out)
    assert broken.returncode == 1 and f"wrong: {shard.name}: has other bytes" in broken.stdout, broken
    shard.unlink()
    assert f"{shard.name}: is missing" in verify(out, "--json").stdout
    assert verify(place).returncode == 1
    assert verify(place / "nowhere").returncode == 1


def test_killed_at_any_moment(place):
    """Kills -9 at seeded moments between start and end; what is there afterwards is whole, what is left says so."""
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    out = place / "best"
    whole = left = 0
    for round_ in range(40):
        process = subprocess.Popen(command(place, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:  # the moment is what is random here: nothing is claimed of how far the export came
            process.wait(dice.random() * dice.choice([0.05, 0.2, 0.6]))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.wait()
        if out.exists():
            assert verify(out).returncode == 0, f"seed {seed}, round {round_}"
            shutil.rmtree(out)
            whole += 1
        for path in partials(place):
            answer = verify(path)
            assert answer.returncode == 1 and "export that was killed left" in answer.stderr, answer
            shutil.rmtree(path)
            left += 1
        assert {p.name for p in place.iterdir()} == {"recipe.yml"}, f"seed {seed}, round {round_}"
    assert export(place, out).returncode == 0, f"seed {seed}: {whole} whole, {left} left"
    assert verify(out).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_stopped_while_it_writes(place, number):
    """As soon as its directory is there; what a polite stop leaves is nothing, or all of it."""
    out = place / "best"
    process = subprocess.Popen(command(place, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not partials(place):
        pass
    process.send_signal(number)
    code = process.wait(timeout=60)
    assert code >= 0 and not partials(place), code
    assert out.exists() == (code == 0)


def test_a_limit_on_the_size_of_files(place):
    """Its signal does not end the export: it says what is wrong and cleans up."""
    out = place / "best"
    limit = 100 * 1024
    answer = export(place, out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert answer.returncode == 1 and "File too large" in answer.stderr and "ulimit -f" in answer.stderr, answer
    assert " are free" not in answer.stderr
    assert not out.exists() and not partials(place)


def mount(directory, kilobytes):
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.mount(b"tmpfs", str(directory).encode(), b"tmpfs", 0, f"size={kilobytes}k".encode()) == 0


def unmount(directory):
    assert ctypes.CDLL(None, use_errno=True).umount(str(directory).encode()) == 0


def test_a_disk_that_is_full(place):
    """Disks of every size from nothing to enough; without the right to mount, limits on the size of a file."""
    disk = place / "disk"
    disk.mkdir()
    refused = 0
    for kilobytes in list(range(4, 200, 28)) + list(range(200, 4000, 190)):
        mounted = mount(disk, kilobytes)
        limit = None if mounted else lambda: limit_files(kilobytes // 16)
        try:
            out = disk / "best"
            answer = export(place, out, preexec_fn=limit)
            if answer.returncode == 0:
                assert verify(out).returncode == 0
                shutil.rmtree(out)
                break
            refused += 1
            assert "No space left on device" in answer.stderr or "File too large" in answer.stderr, answer
            assert list(disk.iterdir()) == [], f"{kilobytes} kB"
        finally:
            if mounted:
                unmount(disk)
    else:
        pytest.fail("no disk was large enough")
    assert refused > 10


def limit_files(kilobytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))


def test_what_is_there_stays(place):
    out = place / "best"
    out.mkdir()
    (out / "mine").write_text("mine")
    assert export(place, out).returncode == 1
    assert os.listdir(out) == ["mine"] and not partials(place)
