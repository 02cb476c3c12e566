"""Pictures that are killed while they are encoded, and pictures that kill."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from pathlib import Path

from PIL import Image as Picture
from sqlalchemy import func, select

from marketplace.database import db, new_id, run_in_transaction
from marketplace.jobs.models import Job, JobStatus
from marketplace.media import services as media
from marketplace.media import storage
from marketplace.media.models import Image, ImageState
from tests import factories
from tests.live import SITE, WORKER, Live
from tests.media import samples
from tests.soak.rows import POSTGRESQL, Ground, row
from tests.soak.stall import Stall, children, kill_all, wait_until

PARKED = select(func.count()).where(Job.status == JobStatus.PARKED)


def take_picture(stall: Stall, content: bytes) -> int:
    """A seller's photo, waiting to be encoded."""

    def take() -> int:
        received = media.receive(samples.upload(content))
        seller = factories.shop("coop_owner").id
        return run_in_transaction(
            lambda: media.store(seller_id=seller, received=received, upload_key=f"soak-{new_id()}").id
        )

    return int(stall.look(take))


def image_state(stall: Stall, image_id: int) -> tuple[ImageState, str]:
    image = stall.look(lambda: db.session.get_one(Image, image_id))
    return image.state, image.name


def half_images(stall: Stall) -> list[str]:
    """Files in the public folder that do not decode, or that nobody finished."""
    wrong = []
    with stall.live.app.app_context():
        folder = storage.public_folder("00").parent
    for path in folder.rglob("*"):
        if path.is_dir() or path.suffix == ".part":
            continue  # never served: no address has such an ending
        try:
            with Picture.open(path) as picture:
                picture.load()
        except Exception as error:
            wrong.append(f"{path.name}: {error}")
    return wrong


def encoder_of(live: Live) -> list[int]:
    return children(live.process_id(WORKER)) if WORKER in live._processes else []


def hurry(stall: Stall) -> None:
    """Pauses and leases run out as time would let them."""
    stall.change("UPDATE jobs SET run_at = created_at WHERE status = 'waiting'")


@row("F16", on=(POSTGRESQL,), mark="≤ 3 tries then parked, no half image served", minutes=8)
def picture_job_is_killed(ground: Ground) -> None:
    """50 kills amid encoding, of the encoder and of the worker by turns."""
    found, kills = ground.found, ground.count(50)
    with ground.shop() as live:
        stall = Stall(live, ground.database, found)
        live.start(SITE, WORKER)
        ends, missed = Counter[str](), 0
        done = 0
        while done < kills and missed <= kills:
            image_id = take_picture(stall, samples.phone_jpeg())
            for attempt in range(3):
                if done >= kills:
                    break

                def is_met(image_id: int = image_id) -> bool:
                    return bool(encoder_of(live)) or image_state(stall, image_id)[0] != ImageState.PROCESSING

                if wait_until(is_met, 15) is None or not encoder_of(live):
                    missed += 1
                    break
                time.sleep(0.02 + 0.25 * (done % 10) / 10)
                victims = encoder_of(live)
                missed += not victims
                if (done + attempt) % 2:
                    kill_all(victims)
                else:
                    live.kill(WORKER)
                    stall.change("UPDATE jobs SET claimed_until = created_at WHERE status = 'running'")
                    live.start(WORKER)
                done += 1
                hurry(stall)

            def settled(image_id: int = image_id) -> bool:
                hurry(stall)
                return image_state(stall, image_id)[0] != ImageState.PROCESSING or bool(stall.number(PARKED))

            if wait_until(settled, 60) is None:
                found.failures.append(f"picture {image_id} neither ready nor given up after 60 s")
            ends[image_state(stall, image_id)[0].value] += 1
            stall.change("DELETE FROM jobs WHERE status = 'parked'")
        most = stall.number(select(func.max(Job.tries)))
        wrong = half_images(stall)
        found.say(
            f"{done} kills: pictures ended {dict(ends)}, at most {most} tries of a job, {len(wrong)} half images"
        )
        found.expect(most <= 3, f"{most} tries")
        found.expect(not wrong, f"half images: {wrong[:3]}")
        found.control(f"the kills were met: {done - missed} amid encoding", fails_without=missed < done / 2)


@row("F17", on=(POSTGRESQL,), mark="given up after 3 tries, the queue moves on ≤ 60 s")
def poisonous_picture(ground: Ground) -> None:
    """A picture kills its encoder each time; others wait behind it."""
    found = ground.found
    with ground.shop() as live:
        stall = Stall(live, ground.database, found)
        poison = take_picture(stall, samples.phone_jpeg())
        name = image_state(stall, poison)[1]
        others = [take_picture(stall, samples.jpeg(400 + number, 300)) for number in range(5)]
        over, kills = threading.Event(), Counter[str]()

        def be_poison() -> None:
            while not over.is_set():
                for pid in encoder_of(live):
                    with contextlib.suppress(OSError):
                        if name in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"):
                            kill_all([pid])
                            kills["killed"] += 1
                            time.sleep(0.2)
                time.sleep(0.005)

        killer = threading.Thread(target=be_poison)
        killer.start()
        try:
            live.start(SITE, WORKER)
            moved = wait_until(
                lambda: all(image_state(stall, image)[0] == ImageState.READY for image in others), 60
            )
            given_up = wait_until(lambda: image_state(stall, poison)[0] == ImageState.FAILED, 90)
        finally:
            over.set()
            killer.join()
        found.say(
            f"the others were ready after {moved or 60:.0f} s, the poison was given up "
            f"after {kills['killed']} kills"
        )
        found.expect(moved is not None, "the queue did not move on in 60 s")
        found.expect(
            given_up is not None and kills["killed"] == 3, f"{kills['killed']} kills, given up: {given_up}"
        )
        found.controls.append("the others stood behind it: their jobs are younger than the poison's")
