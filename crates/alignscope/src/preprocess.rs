//! Pixels to the array that a model takes, by the model's own recipe.
