"""``platform-assets`` in a process of its own that ends where ``PLATFORM_FAILPOINTS`` says."""

from __future__ import annotations

import sys

from platform_assets.cli.main import main
from platform_assets.failpoints import arm_from_environment

if __name__ == "__main__":
    arm_from_environment()
    main(sys.argv[1:])
