//! Choices among images in the layouts in which people keep them, beside those of their authors.

mod alignet;
mod array_triplets;
mod concept_images;
mod imagenet;
mod levels;
mod named_images;
mod nights_raw;
mod odd_place;
mod text_triplets;

pub(super) use alignet::AligNet;
pub(super) use array_triplets::{ArrayTriplets, array_in, is_array, open_with_list};
pub(super) use concept_images::ConceptImages;
pub(super) use levels::Levels;
pub(super) use named_images::listed_images;
pub(super) use nights_raw::NightsRaw;
pub use odd_place::{OddPlace, OddPlaceFound, PlaceAgreement};
pub(super) use text_triplets::{are_numbers, read_names};
