//! What people said of distorted images, in the layouts in which authors of image quality data sets
//! publish it.

mod csiq;
mod live;
mod live_md;
mod pieapp;
mod pieapp_scores;
mod pipal;
mod pyiqa;
mod ratings;
mod releases;
mod variables;

pub(super) use csiq::Csiq;
pub(super) use live::Live;
pub(super) use live_md::LiveMd;
pub(super) use pieapp::PieApp;
pub(super) use pieapp_scores::PieAppScores;
pub(super) use pipal::Pipal;
pub(super) use pyiqa::Pyiqa;
