"""The keyless default: speech to text, answers and text to speech on this machine's CPU, in English."""
