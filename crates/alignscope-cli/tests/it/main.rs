//! What the program does, as a user starts it, in one program so that it is linked once.

// What tests share.
mod place;
mod program;
#[cfg(unix)]
mod servers;

mod after_a_run;
mod another_model;
mod checkpoints;
mod combining;
mod commands;
mod doors;
mod folders_of_images;
mod help;
mod images;
mod importing;
mod instructions;
mod interruptions;
mod matrices;
mod naming;
mod releases;
mod run_folders;
mod series;
mod shards;
#[cfg(unix)]
mod shared_cache;
mod similarity;
mod transforms;
mod user_features;
mod verifying;
mod wrong_input;
