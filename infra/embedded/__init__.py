"""The embedded runtime: the synthesised template in an emulator, the media process, a proxy and a webhook sink."""
