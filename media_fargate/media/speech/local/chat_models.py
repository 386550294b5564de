"""Which chat model of this machine a configuration names."""

from media.speech.adapters import AdapterContext
from media.speech.local.intents import IntentModel
from media.speech.local.models import SMOLLM, LocalModels, local_models
from media.speech.local.small_talk import SmallTalkModel
from sovereign.catalog.llm import LocalLlm


def open_model(config: LocalLlm, models: LocalModels) -> IntentModel | SmallTalkModel:
    """The model. Raises ProviderError when it is not installed."""
    return SmallTalkModel(models, config.temperature) if config.model == SMOLLM else IntentModel(models)


def open_adapter(config: LocalLlm, context: AdapterContext) -> IntentModel | SmallTalkModel:
    """The model on the process's weights. Raises ProviderError when it is not installed."""
    return open_model(config, local_models(context.model_cache))
