"""PCM as samples and sizes in time."""

import numpy as np
import pytest

from media.audio import levels


def test_samples_and_pcm_are_each_others_inverse() -> None:
    pcm = np.array([0, 1, -1, 32767, -32768], "<i2").tobytes()
    assert levels.to_pcm(levels.samples(pcm).astype(np.float32)) == pcm


def test_too_loud_samples_are_clipped_and_half_a_sample_is_left_out() -> None:
    assert levels.to_pcm(np.array([40000, -40000], np.float32)) == np.array([32767, -32768], "<i2").tobytes()
    assert levels.samples(b"\x01\x00\x02").tolist() == [1]


def test_sizes_and_durations_agree() -> None:
    assert levels.size(0.3, 8000) == 4800
    assert levels.duration(4800, 8000) == pytest.approx(0.3)
