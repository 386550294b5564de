"""Makes what every platform of the tests needs, before they share the machine: models, emulator, template."""

import sys

from infra.embedded.assembly import synthesize
from infra.embedded.model_sets import BASE, EXTRAS
from infra.embedded.models import ModelsError, prepare
from infra.embedded.progress import Progress, SetupError
from infra.embedded.services import emulator_python
from infra.embedded.settings import embedded_settings


def main() -> int:
    """Returns the exit status; each is quick when nothing changed."""
    progress = Progress()
    try:
        progress.say("preparing the local speech and language models (downloaded once)")
        for models in (BASE, *EXTRAS.values()):
            prepare(embedded_settings().sovereign_model_cache, progress.say, models=models)
        progress.say("installing the AWS emulator")
        emulator_python()
        progress.say("synthesising the template (cached by content)")
        synthesize()
    except (ModelsError, SetupError) as failure:
        progress.fail(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
