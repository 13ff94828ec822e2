"""`python -m recsys`, and the command `recsys`."""

import sys

from recsys.cli.interruptions import interruptible


def run() -> int:
    """Run the command line of this process. It can be interrupted while it is still being loaded, too.

    Returns:
        the exit code.
    """
    try:
        with interruptible():
            from recsys.cli.main import main

            return main()
    except KeyboardInterrupt:
        print("recsys: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run())
