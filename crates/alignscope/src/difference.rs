//! Differences of two images' activations, per channel.
