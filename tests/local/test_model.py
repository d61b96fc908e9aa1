"""The process of the local model: one for many askers, gone with its owner, told where it cannot start."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from podium.errors import OperatorError, Unreachable
from podium.providers.local import weights
from podium.providers.local.model import LocalModel
from podium.providers.local.weights import Weights, get_weights
from tests.cli.installation import alive, processes, wait_gone, wait_until


@pytest.fixture
async def model(tmp_path: Path) -> AsyncGenerator[LocalModel, None]:
    owned = LocalModel(get_weights(), "sesame", log=tmp_path / "local.log")
    yield owned
    await owned.close()


async def test_it_does_not_run_until_it_is_needed_and_then_once(model: LocalModel) -> None:
    assert model.pid is None
    addresses = await asyncio.gather(*(model.address() for _ in range(5)))
    assert len(set(addresses)) == 1
    assert addresses[0].startswith("http://127.0.0.1:")
    models = [pid for pid, of, command in processes() if of == os.getpid() and "local.child" in command]
    assert len(models) == 1


async def test_it_answers_nobody_without_its_key(model: LocalModel) -> None:
    url = await model.address()
    with pytest.raises(urllib.error.HTTPError) as caught:
        await asyncio.to_thread(urllib.request.urlopen, f"{url}/chat/completions", b"{}")
    with caught.value as answer:
        assert answer.code == 401


async def test_it_is_started_again_after_its_death(model: LocalModel) -> None:
    await model.address()
    first = model.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await asyncio.to_thread(wait_gone, lambda: alive({first}))
    await model.address()
    assert model.pid not in {first, None}


async def test_it_stops_when_it_is_closed_and_does_not_start_again(model: LocalModel) -> None:
    await model.address()
    pid = model.pid
    assert pid is not None
    await model.close()
    assert not alive({pid})
    with pytest.raises(Unreachable, match="going away"):
        await model.address()


async def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF but no more")
    model = LocalModel(Weights("broken", path), "sesame", log=tmp_path / "local.log")
    with pytest.raises(Unreachable, match="did not start"):
        await model.address()
    assert model.pid is None


OWNER = """
import asyncio, sys
from pathlib import Path
from podium.providers.local.model import LocalModel
from podium.providers.local.weights import get_weights

async def main():
    model = LocalModel(get_weights(), "sesame", log=Path(sys.argv[1]))
    await model.address()
    print(model.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_it_dies_with_its_owner_however_that_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path / "local.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        wait_until(lambda: alive({pid}))
        owner.kill()
    wait_gone(lambda: alive({pid}), within=5)


def test_another_file_has_a_name_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "Qwen3-0.6B.gguf"
    path.write_bytes(b"GGUF")
    found = get_weights(path)
    assert (found.name, found.profile().name) == ("qwen3-0.6b", "local/qwen3-0.6b")
    assert not found.is_small


def test_where_it_cannot_run_the_reason_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_PACKAGE", "no_such_weights")
    with pytest.raises(
        OperatorError, match="its weights, the package no-such-weights, are not installed"
    ) as caught:
        get_weights()
    assert caught.value.hint is not None
    assert "make setup" in caught.value.hint


def test_the_one_in_the_house_takes_text_alone_and_of_another_file_nobody_knows_its_tools() -> None:
    small, other = get_weights().profile(), Weights("other", Path("other.gguf")).profile()
    assert (small.media, small.tools) == (frozenset(), False)
    assert (other.media, other.tools) == (frozenset(), True)
