"""Sound as samples: resampling, levels, voice activity, end-of-turn prediction. Knows no call and no vendor."""
