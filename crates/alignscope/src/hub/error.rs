//! What can go wrong on the way to the hub.

use std::path::PathBuf;

use crate::remedy::Remedy;

/// A model could not be had from the hub.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// Not in the cache, and the network may not be used.
    #[error(
        "`{id}` is no folder here, and not whole in the cache {cache} (HF_HUB_OFFLINE is set); \
         run `alignscope fetch {id}` without it where there is a network, or name a checkpoint's \
         folder, or an untrained control, `random:ID` with an id of `alignscope list models`"
    )]
    Offline {
        /// The model, with its revision.
        id: String,
        /// The cache.
        cache: PathBuf,
    },
    /// The hub cannot be reached.
    #[error(
        "`{id}` is no folder here, and {endpoint} cannot be reached ({why}); try again, or set \
         HF_ENDPOINT for a mirror; without a network name a checkpoint's folder, or an untrained \
         control, `random:ID` with an id of `alignscope list models`"
    )]
    Unreachable {
        /// The model, with its revision.
        id: String,
        /// Where the hub was looked for.
        endpoint: String,
        /// Why.
        why: String,
    },
    /// The hub has no such model, revision or file.
    #[error(
        "`{id}` is no folder here, and {endpoint} has no such model or revision (status 404); is the name right?"
    )]
    NotFound {
        /// The model, with its revision.
        id: String,
        /// Where the hub was looked for.
        endpoint: String,
    },
    /// The hub wants to know who asks.
    #[error(
        "{endpoint} does not give `{id}` (status {status}): there is no such model, or it is private or gated; {}",
        match has_token {
            true => "the token in use may not read it: accept its licence on its page, or set HF_TOKEN",
            false => "if it is, accept its licence on its page and set HF_TOKEN",
        }
    )]
    Denied {
        /// The model, with its revision.
        id: String,
        /// Where the hub was looked for.
        endpoint: String,
        /// What the hub answered.
        status: u16,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The hub answered something else than a model.
    #[error("{endpoint} did not answer for `{id}` as a hub does: {why}")]
    Answer {
        /// The model, with its revision.
        id: String,
        /// Where the hub was looked for.
        endpoint: String,
        /// Why.
        why: String,
    },
    /// A download ended early.
    #[error(
        "the download of {file} of `{id}` ended early ({why}); doing the same again goes on where \
         it stopped"
    )]
    Download {
        /// The model, with its revision.
        id: String,
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// A download is not what the hub has.
    #[error(
        "{file} of `{id}` was damaged on the way (SHA-256 {found}, expected {expected}) and has \
         been removed; doing the same again downloads it again"
    )]
    Damaged {
        /// The model, with its revision.
        id: String,
        /// The file.
        file: String,
        /// Hash of what came.
        found: String,
        /// Hash that the hub gives.
        expected: String,
    },
    /// A file cannot be had from its address.
    #[error("cannot download {url}: {why}")]
    Url {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
    /// The repository holds nothing that can be read.
    #[error(
        "`{id}` on {endpoint} is not a model that alignscope reads: expected config.json with {}, or open_clip_config.json with {}, found {found}",
        crate::weights::TRANSFORMERS_FILES.join(" or "),
        crate::weights::OPEN_CLIP_FILES.join(" or ")
    )]
    NoModel {
        /// The model, with its revision.
        id: String,
        /// Where the hub was looked for.
        endpoint: String,
        /// The files there.
        found: String,
    },
    /// The repository holds an adapter.
    #[error(
        "`{id}` on {endpoint} holds an adapter ({file}), which alignscope does not fetch; download \
         it to a folder, and name that: one of LoRA is merged into the model that it was trained \
         for; or merge it with peft's `model.merge_and_unload()`, save the model to a folder with \
         `save_pretrained`, and name that folder"
    )]
    Adapter {
        /// The model, with its revision.
        id: String,
        /// Where the hub was looked for.
        endpoint: String,
        /// The adapter's file.
        file: String,
    },
    /// An index of shards names something that is not a file of the repository.
    #[error("{index} of `{id}` cannot be used: {problem}")]
    Index {
        /// The model, with its revision.
        id: String,
        /// The index.
        index: String,
        /// What is wrong.
        problem: String,
    },
    /// The cache cannot be used.
    #[error("cannot use the cache {path}")]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl HubError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Url { .. } => vec![Remedy::NameWeights],
            _ => vec![],
        }
    }
}
