//! Where the hub is, and where its files are kept: the variables of Python's `huggingface_hub`.

use std::path::PathBuf;

use crate::input_file;

/// Where the hub is, who asks, and where its files are kept.
#[derive(Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// Where the hub is, without a slash at the end: `HF_ENDPOINT`, or the public one.
    pub endpoint: String,
    /// The folder of `models--OWNER--NAME`: `HF_HUB_CACHE`, or `hub` in `HF_HOME`, which is
    /// `~/.cache/huggingface` unless said otherwise.
    pub cache: PathBuf,
    /// Who asks: `HF_TOKEN`, or what the file `token` in `HF_HOME` holds.
    pub token: Option<String>,
    /// `HF_HUB_OFFLINE`: only what is in the cache.
    pub offline: bool,
}

impl std::fmt::Debug for HubSettings {
    /// As derived, but for the token, which nobody may read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubSettings")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("offline", &self.offline)
            .finish()
    }
}

const PUBLIC_ENDPOINT: &str = "https://huggingface.co";

impl HubSettings {
    /// The settings in the environment.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The settings in variables, an empty one counting as none.
    ///
    /// # Source
    /// `constants.py` of huggingface_hub 1.0.
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| {
            variable(name).map(|v| v.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let user = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let path = |name: &str| {
            variable(name).map(PathBuf::from).map(|path| match (path.strip_prefix("~"), &user) {
                (Ok(rest), Some(user)) => user.join(rest),
                _ => path,
            })
        };
        let home = path("HF_HOME").unwrap_or_else(|| {
            path("XDG_CACHE_HOME")
                .unwrap_or_else(|| user.clone().unwrap_or_default().join(".cache"))
                .join("huggingface")
        });
        let token_file = path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        let kept = || input_file::read_text(&token_file).ok().map(|(text, _)| text);
        let is_true =
            |value: String| matches!(value.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE");
        Self {
            endpoint: variable("HF_ENDPOINT")
                .map_or(PUBLIC_ENDPOINT.to_owned(), |e| e.trim_end_matches('/').to_owned()),
            cache: path("HF_HUB_CACHE")
                .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
                .unwrap_or_else(|| home.join("hub")),
            token: variable("HF_TOKEN")
                .or_else(kept)
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
            offline: variable("HF_HUB_OFFLINE").is_some_and(is_true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> HubSettings {
        HubSettings::from_variables(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_where_huggingface_hub_has_it() {
        let cache = |variables: &[_]| settings(variables).cache;
        let home = ("HOME", "/home/ada");
        assert_eq!(cache(&[home]), PathBuf::from("/home/ada/.cache/huggingface/hub"));
        assert_eq!(cache(&[home, ("XDG_CACHE_HOME", "/x")]), PathBuf::from("/x/huggingface/hub"));
        assert_eq!(cache(&[home, ("HF_HOME", "~/hf")]), PathBuf::from("/home/ada/hf/hub"));
        assert_eq!(cache(&[home, ("HF_HUB_CACHE", "~")]), PathBuf::from("/home/ada"));
        let both = [home, ("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/big")];
        assert_eq!(cache(&both), PathBuf::from("/big"));
        assert_eq!(cache(&[home, ("HUGGINGFACE_HUB_CACHE", "/old")]), PathBuf::from("/old"));
    }

    #[test]
    fn an_endpoint_has_no_slash_at_its_end() {
        assert_eq!(settings(&[]).endpoint, PUBLIC_ENDPOINT);
        assert_eq!(settings(&[("HF_ENDPOINT", "http://a:1/")]).endpoint, "http://a:1");
    }

    #[test]
    fn offline_is_what_huggingface_hub_takes_for_true() {
        for (word, offline) in [("1", true), ("yes", true), ("True", true), ("0", false)] {
            assert_eq!(settings(&[("HF_HUB_OFFLINE", word)]).offline, offline, "{word}");
        }
        assert!(!settings(&[("HF_HUB_OFFLINE", "")]).offline);
    }

    #[test]
    fn a_token_is_taken_from_the_variable_then_from_the_file_and_never_printed() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().to_str().expect("plain");
        assert_eq!(settings(&[("HF_HOME", path)]).token, None);
        std::fs::write(home.path().join("token"), "hf_kept\n").expect("written");
        assert_eq!(settings(&[("HF_HOME", path)]).token.as_deref(), Some("hf_kept"));
        let both = settings(&[("HF_HOME", path), ("HF_TOKEN", "hf_said")]);
        assert_eq!(both.token.as_deref(), Some("hf_said"));
        assert!(!format!("{both:?}").contains("hf_said"));
    }
}
