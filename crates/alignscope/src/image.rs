//! A file to 8-bit RGB pixels.
