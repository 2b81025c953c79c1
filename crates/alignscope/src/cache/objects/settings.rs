//! Which object store, and who asks: an address, and variables of the environment.

use std::collections::BTreeMap;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{BackoffConfig, RetryConfig};

use super::super::object_error::ObjectStoreError;
use super::http::Connector;

/// A request is tried again for so long, and at most so often, unless `AWS_MAX_ATTEMPTS` says less.
const RETRY_TIMEOUT: Duration = Duration::from_secs(120);
const MAX_ATTEMPTS: usize = 100;
/// Where a machine of Amazon's asks for its role, and where a container does.
const METADATA_SERVERS: [&str; 2] = ["169.254.169.254", "169.254.170.2"];
/// Waits before it is tried again: the first and the longest, each up to twice the one before.
const BACKOFF: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(15)];

/// Where the entries are.
#[derive(Debug)]
pub(super) struct Settings {
    /// The address, without a slash at the end.
    pub(super) url: String,
    pub(super) bucket: String,
    pub(super) prefix: Key,
    /// Who is asked, for people.
    pub(super) endpoint: String,
    pub(super) region: String,
    /// How often a request is made that fails.
    attempts: usize,
    builder: Builder,
}

/// Says nothing of itself: it holds a secret.
#[derive(Clone)]
struct Builder(AmazonS3Builder);

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Settings {
    /// What an address and the environment say; some variables are given here instead.
    pub(super) fn new<'a>(
        url: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Box<ObjectStoreError>> {
        let wrong = |why: &str| {
            Box::new(ObjectStoreError::Url { url: url.to_owned(), why: why.to_owned() })
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        if scheme != "s3" {
            return Err(wrong(&format!("stores of `{scheme}` are not known")));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err(wrong("it names no bucket"));
        }
        let prefix = prefix.trim_end_matches('/');
        let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['?', '#']);
        if !prefix.is_empty() && !prefix.split('/').all(is_name) {
            return Err(wrong("its prefix is no names with single slashes between them"));
        }
        let prefix = Key::parse(prefix).map_err(|error| wrong(&error.to_string()))?;
        let variables = all_variables(variables);
        let settings =
            |why: String| Box::new(ObjectStoreError::Settings { place: url.to_owned(), why });
        let attempts = match variables.get("AWS_MAX_ATTEMPTS") {
            None => MAX_ATTEMPTS,
            Some(text) => text.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                settings(format!("AWS_MAX_ATTEMPTS is `{text}`, expected a whole number from 1 on"))
            })?,
        };
        let builder = configured(&variables).with_bucket_name(bucket);
        let say = |key: AmazonS3ConfigKey| builder.get_config_value(&key);
        let region = say(AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint = say(AmazonS3ConfigKey::S3Endpoint)
            .or_else(|| say(AmazonS3ConfigKey::Endpoint))
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let url = match prefix.as_ref() {
            "" => format!("s3://{bucket}"),
            prefix => format!("s3://{bucket}/{prefix}"),
        };
        Ok(Self {
            url,
            bucket: bucket.to_owned(),
            prefix,
            endpoint,
            region,
            attempts,
            builder: Builder(builder),
        })
    }

    /// Where a machine of a cloud asks for its role.
    pub(super) fn metadata_servers(&self) -> Vec<String> {
        let named = self.builder.0.get_config_value(&AmazonS3ConfigKey::MetadataEndpoint);
        let server = |address: String| Some(address.split('/').nth(2)?.to_owned());
        let usual = METADATA_SERVERS.into_iter().map(str::to_owned);
        named.and_then(server).into_iter().chain(usual).collect()
    }

    /// The store.
    pub(super) fn open(&self, connector: Connector) -> Result<AmazonS3, Box<ObjectStoreError>> {
        let [init_backoff, max_backoff] = BACKOFF;
        let backoff = BackoffConfig { init_backoff, max_backoff, base: 2.0 };
        let retry =
            RetryConfig { backoff, max_retries: self.attempts - 1, retry_timeout: RETRY_TIMEOUT };
        let builder = self.builder.0.clone().with_retry(retry).with_http_connector(connector);
        builder.build().map_err(|error| {
            let (place, why) = (self.url.clone(), error.to_string());
            Box::new(ObjectStoreError::Settings { place, why })
        })
    }
}

/// The variables of the environment, with those given here in the place of those of the same name;
/// an empty one counts as none.
fn all_variables<'a>(
    given: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<String, String> {
    let given = given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let of_env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut all: BTreeMap<_, _> = of_env.chain(given).collect();
    all.retain(|name, value| name.starts_with("AWS_") && !value.is_empty());
    all
}

/// What the variables say of S3, by the names of Amazon's own tools.
fn configured(variables: &BTreeMap<String, String>) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in variables {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_bucket_and_a_prefix() {
        for (url, bucket, prefix) in [
            ("s3://b", "b", ""),
            ("s3://my-bucket.x/", "my-bucket.x", ""),
            ("s3://b/a/c d/", "b", "a/c d"),
        ] {
            let found = Settings::new(url, []).expect(url);
            assert_eq!((&*found.bucket, found.prefix.as_ref()), (bucket, prefix), "{url}");
        }
        for (url, why) in [
            ("gs://b/a", "stores of `gs` are not known"),
            ("s3://", "names no bucket"),
            ("s3:///a", "names no bucket"),
            ("s3://b?x/a", "names no bucket"),
            ("s3://b//a", "its prefix"),
            ("s3://b/../a", "its prefix"),
            ("s3://b/a#b", "its prefix"),
        ] {
            let message = Settings::new(url, []).expect_err(url).to_string();
            assert!(message.contains(why) && message.contains(url), "{message}");
        }
    }

    #[test]
    fn a_number_of_attempts_is_a_number() {
        let with = |attempts| Settings::new("s3://b", [("AWS_MAX_ATTEMPTS", attempts)]);
        assert_eq!(with("3").expect("a number").attempts, 3);
        for attempts in ["0", "many", "-1"] {
            let message = with(attempts).expect_err(attempts).to_string();
            assert!(
                message.contains("AWS_MAX_ATTEMPTS") && message.contains(attempts),
                "{message}"
            );
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let variables = [("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_ENDPOINT_URL", "http://h:1/")];
        let settings = Settings::new("s3://b/p", variables).expect("an address");
        assert_eq!(settings.endpoint, "http://h:1");
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
