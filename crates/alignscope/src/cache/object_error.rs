//! What can go wrong with an object store, in the words of whoever has to mend it.

use std::error::Error;

/// An object store cannot be used as the cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectStoreError {
    /// The address is of no kind of store that is known.
    #[error("`{url}` names no place for a cache: {why}; expected a folder or `s3://BUCKET/PREFIX`")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The environment says something that cannot be.
    #[error("{place} cannot be used with what the environment says (AWS_…): {why}")]
    Settings {
        /// The address of the cache.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// Nobody says who asks.
    #[error(
        "no credentials for {place}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and \
         AWS_SESSION_TOKEN, if there is one), or AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; \
         this machine has no role of its own ({why}), and profiles in `~/.aws` are not read"
    )]
    NoCredentials {
        /// The address of the cache.
        place: String,
        /// What came of asking the machine.
        why: String,
    },
    /// The store does not let these credentials in, or not do this.
    #[error("{endpoint} does not let these credentials use {place} ({answer}): {hint}")]
    Denied {
        /// The address of the object or place.
        place: String,
        /// The server.
        endpoint: String,
        /// What it answered.
        answer: String,
        /// What to look at.
        hint: &'static str,
    },
    /// The clock of this machine is wrong.
    #[error(
        "{endpoint} refuses what is signed with the time of this machine, which is too far from \
         its own ({answer}); set the clock"
    )]
    Clock {
        /// The server.
        endpoint: String,
        /// What it answered.
        answer: String,
    },
    /// There is no such bucket.
    #[error(
        "{endpoint} has no bucket as in {place}; make it first, or is its name or AWS_ENDPOINT_URL \
         wrong?"
    )]
    NoBucket {
        /// The address of the object or place.
        place: String,
        /// The server.
        endpoint: String,
    },
    /// The bucket is elsewhere.
    #[error("the bucket of {place} is in another region than {region}; set AWS_REGION ({answer})")]
    Region {
        /// The address of the object or place.
        place: String,
        /// Where it was looked for.
        region: String,
        /// What the server answered.
        answer: String,
    },
    /// The server cannot be reached, or went away again and again.
    #[error(
        "{endpoint} cannot be reached for {place}, though it was tried again and again: {why}; is \
         there a way to it, and is AWS_ENDPOINT_URL right?"
    )]
    Unreachable {
        /// The address of the object or place.
        place: String,
        /// The server.
        endpoint: String,
        /// Why.
        why: String,
    },
    /// It answered something else than an object store does.
    #[error(
        "{endpoint} did not answer for {place} as an object store does; is AWS_ENDPOINT_URL \
             right?: {why}"
    )]
    Answer {
        /// The address of the object or place.
        place: String,
        /// The server.
        endpoint: String,
        /// What it answered.
        why: String,
    },
}

/// The exchange with a server failed: there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::cache) struct NoAnswer(pub(in crate::cache) String);

/// A server was asked for a list of objects, and gave something else.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::cache) struct NoList(pub(in crate::cache) String);

/// This machine was asked for credentials of its own, and has none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::cache) struct NoMetadata(pub(in crate::cache) String);

/// Who was asked for what.
pub(in crate::cache) struct Asked<'a> {
    pub(in crate::cache) place: String,
    pub(in crate::cache) endpoint: &'a str,
    pub(in crate::cache) region: &'a str,
}

impl Asked<'_> {
    /// What the failure of a request means.
    pub(in crate::cache) fn failed(self, error: &object_store::Error) -> Box<ObjectStoreError> {
        let Self { place, endpoint, region } = self;
        let endpoint = endpoint.to_owned();
        if let Some(NoMetadata(why)) = cause(error) {
            return Box::new(ObjectStoreError::NoCredentials { place, why: why.clone() });
        }
        if let Some(NoAnswer(why)) = cause(error) {
            let why = why.clone();
            return Box::new(ObjectStoreError::Unreachable { place, endpoint, why });
        }
        if let Some(NoList(why)) = cause(error) {
            let why = why.clone();
            return Box::new(ObjectStoreError::Answer { place, endpoint, why });
        }
        let text = error.to_string();
        let code = between(&text, "<Code>", "</Code>").unwrap_or_default();
        let status = between(&text, "status code: ", ":").map(str::trim).unwrap_or_default();
        let answer = match (code, status) {
            ("", "") => in_short(&text),
            ("", status) => format!("status {status}"),
            (code, "") => code.to_owned(),
            (code, status) => format!("{code}, status {status}"),
        };
        Box::new(match code {
            "NoSuchBucket" => ObjectStoreError::NoBucket { place, endpoint },
            "RequestTimeTooSkewed" | "RequestExpired" => {
                ObjectStoreError::Clock { endpoint, answer }
            }
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraint" => {
                let region = region.to_owned();
                ObjectStoreError::Region { place, region, answer }
            }
            _ if status.starts_with("401") || status.starts_with("403") => {
                ObjectStoreError::Denied { place, endpoint, answer, hint: hint(code) }
            }
            _ if text.contains("incorrectly configured region") => {
                let (region, answer) = (region.to_owned(), "a redirect".to_owned());
                ObjectStoreError::Region { place, region, answer }
            }
            _ => ObjectStoreError::Answer { place, endpoint, why: answer },
        })
    }
}

/// What to look at where the store refuses, by its code.
fn hint(code: &str) -> &'static str {
    match code {
        "InvalidAccessKeyId" | "NotSignedUp" => {
            "it does not know the key; look at AWS_ACCESS_KEY_ID"
        }
        "SignatureDoesNotMatch" => "the secret is wrong; look at AWS_SECRET_ACCESS_KEY",
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
            "the session is over; take a new AWS_SESSION_TOKEN, with the key and secret of it"
        }
        _ => "they need to list, get, put and delete objects there; are they those of this bucket?",
    }
}

/// The first cause of a kind.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split_once(end).map_or(rest, |(found, _)| found))
}

/// The first line of a text, of which no more is shown than one can read.
fn in_short(text: &str) -> String {
    const LETTERS: usize = 300;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
