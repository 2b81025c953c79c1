//! What the library does, from outside of it, in one program so that it is linked once.

#![recursion_limit = "256"]

mod another_model_is_refused;
mod baselines_match_references;
mod bits_of_observers;
mod bootstrap_matches_scipy;
mod ceilings_match_counts;
mod controls;
mod checkpoint_files;
mod choices_as_kept;
mod chosen_stages;
mod dataset_files;
mod dataset_layouts;
mod dense_data_sets;
mod devices;
mod difference_matches_numpy;
mod dreamsim_matches_package;
mod encoders_match_references;
mod files_match_references;
mod golden;
mod hub_over_http;
mod image_matches_pillow;
mod interval_coverage;
mod intervals_in_a_minute;
mod likelihood_matches_scipy;
mod many_clusters;
mod many_looks;
mod matlab_files;
mod matrices;
mod models_of_users;
mod pickles_match_torch;
mod preprocess_matches_pillow;
mod rated_layouts;
mod resident_sets_change_nothing;
mod runs_go_on;
mod score_matches_scipy;
mod series;
mod structure;
mod transforms;
mod until;
mod weights_are_whole;
mod written_datasets;
