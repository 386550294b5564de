"""The features of the end-of-turn model, by what they must be for known sounds."""

import numpy as np

from media.audio.smart_turn import _mel_filters, whisper_features

RATE = 16000


def test_features_have_the_models_shape_whatever_the_length() -> None:
    for seconds in (0, 1, 8, 12):
        assert whisper_features(np.zeros(seconds * RATE, np.float32)).shape == (80, 800)


def test_a_tone_lights_its_own_band_at_its_own_time() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    features = whisper_features(tone)
    band = int(np.argmax(_mel_filters()[:, round(1000 / (RATE / 400))]))
    assert int(np.argmax(features[:, 750])) == band
    # one second of sound stands at the end of eight
    assert features[band, 750] > features[band, 600] + 1


def test_only_the_last_eight_seconds_count() -> None:
    rng = np.random.default_rng(3)
    recent = rng.standard_normal(8 * RATE).astype(np.float32)
    before = rng.standard_normal(2 * RATE).astype(np.float32)
    np.testing.assert_array_equal(whisper_features(np.concatenate([before, recent])), whisper_features(recent))


def test_loudness_does_not_change_the_features() -> None:
    sound = np.random.default_rng(5).standard_normal(3 * RATE).astype(np.float32)
    np.testing.assert_allclose(whisper_features(sound), whisper_features(sound * 0.1), atol=1e-3)


def test_filters_have_unit_area() -> None:
    area = _mel_filters().sum(axis=1) * (RATE / 400)
    np.testing.assert_allclose(area[10:], 1.0, atol=0.25)
