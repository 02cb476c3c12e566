"""What has the machine to itself: the start of a checkout that was set up, and the job of a picture."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import time

from PIL import Image

from bench.ground import Ground
from tests.live import free_port
from tests.sandbox.process import ROOT
from tests.soak.buyers import Buyer


def start(ground: Ground) -> None:
    """A checkout that was set up: from ./run to its first page; once to set up, then measured."""
    port = free_port()
    environ = {**os.environ, "PORT": str(port), "DATA_DIR": str(ground.folder / "start"), "DEMO": "1"}
    environ |= {"KEY_FILE": str(ground.folder / "start.keys")}
    environ.pop("DATABASE_URL", None)
    seconds = []
    for _number in range(2 if ground.is_small else 4):
        begun = time.monotonic()
        process = subprocess.Popen(
            [str(ROOT / "run")],
            env=environ,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while Buyer(f"http://127.0.0.1:{port}").ask("", "/").status != 200:
                if process.poll() is not None or time.monotonic() - begun > 300:
                    raise RuntimeError("./run did not come up")
                time.sleep(0.02)
            seconds.append(time.monotonic() - begun)
        finally:
            process.terminate()
            process.wait()
    best = sorted(seconds[1:])[len(seconds[1:]) // 2]
    ground.tell("start", "≤ 3 s", f"{best:.1f} s (the first one, which sets up, {seconds[0]:.0f} s)", best <= 3)


DRAFT = """
import json, sys
from PIL import Image
source, folder = sys.argv[1:]
picture = Image.open(source)
picture.draft("RGB", (1080, 1080))
picture.load()
for width in (1080, 720, 360, 168):
    if picture.width != width:
        picture = picture.resize((width, picture.height * width // picture.width), Image.Resampling.LANCZOS)
    picture.save(f"{folder}/{width}.webp", quality=74, method=4)
    picture.save(f"{folder}/{width}.jpg", quality=74)
"""


def picture(ground: Ground) -> None:
    """A phone's photo of twelve megapixels, encoded as the job does it, beside Pillow's draft to the same sizes."""
    source = ground.folder / "photo.jpg"
    source.write_bytes(_photo())
    script = ROOT / "marketplace" / "media" / "processing.py"
    job, draft = [], []
    for number in range(2 if ground.is_small else 5):
        place = ground.folder / f"pictures-{number}"
        place.mkdir()
        job.append(_child_ms([sys.executable, "-I", str(script), str(source), str(place), "a" * 32]))
        draft.append(_child_ms([sys.executable, "-I", "-c", DRAFT, str(source), str(place)]))
    ours, least = sorted(job)[len(job) // 2], sorted(draft)[len(draft) // 2]
    size = source.stat().st_size / 2**20
    ground.tell(
        "picture",
        "≤ 600 ms CPU, ≤ 1.2 × Pillow's draft",
        f"{ours:.0f} ms CPU, {ours / least:.1f} × ({least:.0f}); JPEG of {size:.1f} MiB, process included",
        ours <= 600 and ours <= 1.2 * least,
    )


def _child_ms(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _photo() -> bytes:
    """Twelve megapixels with the grain of a phone's small sensor."""
    light = Image.linear_gradient("L").resize((4000, 3000))
    grain = [Image.effect_noise((4000, 3000), 22) for _channel in range(3)]
    picture = Image.merge("RGB", [Image.blend(light, one, 0.35) for one in grain])
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=85)
    return output.getvalue()
