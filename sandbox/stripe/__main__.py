"""`python -m sandbox.stripe --port 8001 --state var/sandbox --webhook-url http://127.0.0.1:8000/webhooks/stripe …`"""

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from sandbox.stripe.bank import Terms
from sandbox.stripe.server import Sandbox


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one, printed when ready")
    parser.add_argument("--host", default="127.0.0.1", help="this machine only, unless said otherwise")
    parser.add_argument("--state", type=Path, required=True, help="folder of the sandbox's SQLite file")
    parser.add_argument("--webhook-url", help="where events are delivered; without it they are only recorded")
    parser.add_argument(
        "--webhook-secret",
        default=os.environ.get("SANDBOX_WEBHOOK_SECRET", ""),
        help="signs the deliveries; by default from SANDBOX_WEBHOOK_SECRET",
    )
    parser.add_argument("--public-url", help="address under which a browser reaches this service")
    parser.add_argument(
        "--fee-basis-points", type=int, default=Terms.fee_basis_points, help="invented: 290 = 2.9 %%"
    )
    parser.add_argument(
        "--fee-fixed", type=int, default=Terms.fee_fixed, help="invented, minor units per charge"
    )
    parser.add_argument(
        "--dispute-fee", type=int, default=Terms.dispute_fee, help="invented, minor units per dispute"
    )
    parser.add_argument(
        "--minimum-amount", type=int, default=Terms.minimum_amount, help="invented, minor units"
    )
    options = parser.parse_args()
    if options.webhook_url and not options.webhook_secret:
        parser.error("--webhook-url needs --webhook-secret or SANDBOX_WEBHOOK_SECRET")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    try:
        sandbox = Sandbox(
            options.state,
            host=options.host,
            port=options.port,
            public_url=options.public_url,
            webhook_url=options.webhook_url,
            webhook_secret=options.webhook_secret,
            terms=Terms(
                options.fee_basis_points, options.fee_fixed, options.minimum_amount, options.dispute_fee
            ),
        )
    except OSError as problem:
        print(
            f"The payment sandbox cannot listen on {options.host}:{options.port}: {problem}", file=sys.stderr
        )
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"Payment sandbox ready on {sandbox.public_url}", flush=True)
    sandbox.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
