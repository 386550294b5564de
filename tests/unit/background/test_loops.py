"""The loops of the four places."""

from typing import get_args

import numpy as np
import pytest

from media.background.loops import LOOP_SECONDS, loops_of
from sovereign.catalog.speech import BackgroundAudio

CLIPS = get_args(BackgroundAudio.model_fields["clip"].annotation)


@pytest.mark.parametrize("clip", CLIPS)
def test_clip_is_as_loud_as_the_others_and_has_no_seam(clip: str) -> None:
    for rate, loop in loops_of(clip).items():
        values = loop.astype(float)
        assert loop.size == LOOP_SECONDS * rate
        assert 1500 < np.sqrt(np.mean(values**2)) < 1700
        assert np.abs(values).max() < 8000, "nothing in it startles"
        steps = np.abs(np.diff(values))
        assert abs(values[0] - values[-1]) <= np.quantile(steps, 0.999), "the end meets the beginning"


def test_clips_differ_and_are_the_same_each_time() -> None:
    spectra = {clip: np.abs(np.fft.rfft(loops_of(clip)[8000].astype(float))) for clip in CLIPS}
    shares = [round(float(s[: s.size // 8].sum() / s.sum()), 2) for s in spectra.values()]
    assert len(set(shares)) == len(CLIPS)
    first = loops_of("forest")[8000].copy()
    loops_of.cache_clear()
    assert (loops_of("forest")[8000] == first).all()
