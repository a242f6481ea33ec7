"""The Space: settings in, services assembled, page served."""

import os
import signal
import sys

from rorem_demo.runtime.process import settle

settle()

import spaces  # noqa: E402, F401  # must come before anything that could start CUDA

from rorem_demo.ui.quick import import_gradio  # noqa: E402

import_gradio()

from rorem_demo.services import Services  # noqa: E402
from rorem_demo.settings import Settings  # noqa: E402
from rorem_demo.ui.app import build, launch  # noqa: E402

FLUSHING_SECONDS = 8.0
"""For publishing what is left when the Space is stopped."""

if __name__ == "__main__":
    services = Services.assemble(Settings.from_environment(os.environ))
    services.preload()
    services.begin_fetching()
    services.begin_publishing()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a Space is stopped so; by itself Python would just die
    try:
        launch(build(services), services)
    finally:
        services.close(FLUSHING_SECONDS)
