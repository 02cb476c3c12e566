"""The job that encodes: one picture at a time, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from marketplace import clock
from marketplace.database import db, run_in_transaction
from marketplace.jobs.registry import handler
from marketplace.jobs.services import enqueue
from marketplace.logs import log
from marketplace.media import processing, queries, services, storage

TRIES = 3
SECONDS = 90


@handler("media.encode")
def encode(payload: dict[str, Any]) -> None:
    """Encode the picture and drop its original; a file that kills its process is given up after three tries."""
    image = queries.find_waiting(int(payload["image_id"]))
    if image is None:
        return
    image_id, name, attempt = image.id, image.name, int(payload.get("attempt", 1))
    db.session.rollback()  # no transaction stays open while the other process works
    status, answer = _run(storage.original(name), name)
    if status == 0:
        size = json.loads(answer)
        run_in_transaction(lambda: services.finish(image_id, width=size["width"], height=size["height"]))
    elif status == processing.UNREADABLE or attempt >= TRIES:
        log().warning("picture.given_up", image_id=image_id, status=status, reason=answer)
        run_in_transaction(lambda: services.give_up(image_id))
    else:
        log().warning("picture.failed", image_id=image_id, status=status, attempt=attempt, reason=answer)
        later = clock.now() + timedelta(seconds=10 * attempt)
        again = {"image_id": image_id, "attempt": attempt + 1}
        run_in_transaction(lambda: enqueue("media.encode", again, run_at=later))
        return
    storage.drop_original(name)
    services.sweep_originals()


def _run(original: Path, name: str) -> tuple[int, str]:
    """Exit status and output of the encoding process; a negative status is the signal that ended it."""
    if not original.exists():
        return processing.UNREADABLE, "the original is missing"
    script = str(Path(processing.__file__).resolve())
    command = [sys.executable, "-I", script, str(original), str(storage.public_folder(name)), name]
    with storage.encoding_turn():
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return -1, f"no answer in {SECONDS} seconds"
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()[-300:]
