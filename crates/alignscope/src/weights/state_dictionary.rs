//! Which dictionary of tensors in a pickle is the model's.

use std::collections::HashSet;

use super::pickle::{Pickled, Value};

/// Under which keys training keeps a model's tensors, or those of several models.
const MODELS: [&str; 16] = [
    "state_dict",
    "model",
    "model_state_dict",
    "model_state",
    "teacher",
    "student",
    "state_dict_ema",
    "model_ema",
    "ema",
    "ema_state_dict",
    "module",
    "net",
    "network",
    "backbone",
    "encoder",
    "visual",
];

/// Those that are looked into also where tensors stand beside them.
const BESIDE_TENSORS: [&str; 2] = ["state_dict", "model"];

/// Dictionaries within dictionaries that are looked into.
const MAX_DEPTH: usize = 8;

/// The model's dictionary of tensors.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    pub(super) dictionary: &'a Value,
    /// What of the name that was asked for is no key of a dictionary: the names of tensors begin
    /// so.
    pub(super) rest: Option<String>,
}

/// Why no dictionary was chosen.
#[derive(Debug)]
pub(super) enum Unclear<'a> {
    /// Several would do: their names.
    Several(Vec<String>),
    /// None is there; the value that was looked through.
    None(&'a Value),
}

/// The dictionary of tensors, which may lie within others: `{"state_dict": {…}}`. `part` names one
/// of several, by keys with dots between.
pub(super) fn choose<'a>(
    pickled: &'a Pickled,
    part: Option<&str>,
) -> Result<Chosen<'a>, Unclear<'a>> {
    let (mut dictionary, mut rest) = (&pickled.value, part.unwrap_or_default());
    let mut keys: Vec<String> = Vec::new();
    for _ in 0..MAX_DEPTH {
        if let Some((key, inner, after)) = named(pickled, dictionary, rest) {
            keys.push(key.to_owned());
            (dictionary, rest) = (inner, after);
            continue;
        }
        let inner = models(pickled, dictionary);
        let has_tensors = is_state_dictionary(pickled, dictionary);
        let beside = || BESIDE_TENSORS.iter().find_map(|k| inner.iter().find(|(key, _)| key == k));
        match (has_tensors, inner.as_slice()) {
            (true, _) => match beside() {
                Some((key, value)) => {
                    keys.push((*key).to_owned());
                    dictionary = value;
                }
                None => {
                    let rest = (!rest.is_empty()).then(|| rest.to_owned());
                    return Ok(Chosen { dictionary, rest });
                }
            },
            (false, [(key, value)]) => {
                keys.push((*key).to_owned());
                dictionary = value;
            }
            (false, []) => return Err(Unclear::None(dictionary)),
            (false, several) => {
                let whole = |(key, _): &(&str, &Value)| {
                    keys.iter().map(String::as_str).chain([*key]).collect::<Vec<_>>().join(".")
                };
                return Err(Unclear::Several(several.iter().map(whole).collect()));
            }
        }
    }
    Err(Unclear::None(dictionary))
}

/// The dictionary within another whose key `part` begins with, the longest; and what follows it.
fn named<'a, 'p>(
    pickled: &'a Pickled,
    dictionary: &Value,
    part: &'p str,
) -> Option<(&'p str, &'a Value, &'p str)> {
    if part.is_empty() {
        return None;
    }
    let ends = part.match_indices('.').map(|(at, _)| at).chain([part.len()]);
    let ends: Vec<usize> = ends.collect();
    ends.into_iter().rev().find_map(|end| {
        let key = &part[..end];
        let value = entry(pickled, dictionary, key)?;
        let after = part[end..].strip_prefix('.').unwrap_or_default();
        matches!(value, Value::Dict(_)).then_some((key, value, after))
    })
}

/// The value of a key; of one that stands twice the last, as in Python.
fn entry<'a>(pickled: &'a Pickled, dictionary: &Value, key: &str) -> Option<&'a Value> {
    let is_key = |other: &Value| matches!(other, Value::Text(text) if &**text == key);
    pickled.entries(dictionary).iter().rev().find(|(other, _)| is_key(other)).map(|(_, v)| v)
}

/// The dictionaries within another that lead to tensors, by the keys of [`MODELS`].
fn models<'a>(pickled: &'a Pickled, dictionary: &Value) -> Vec<(&'static str, &'a Value)> {
    let mut seen = HashSet::new();
    let value = |key: &'static str| Some((key, entry(pickled, dictionary, key)?));
    let leads = |(_, value): &(&str, &Value)| leads_to_tensors(pickled, value, 0, &mut seen);
    MODELS.into_iter().filter_map(value).filter(leads).collect()
}

/// Whether a value is a dictionary of tensors, or has one in it; each dictionary is looked into
/// once.
fn leads_to_tensors(
    pickled: &Pickled,
    value: &Value,
    depth: usize,
    seen: &mut HashSet<usize>,
) -> bool {
    let Value::Dict(at) = value else { return false };
    if depth == MAX_DEPTH || !seen.insert(*at) {
        return false;
    }
    let inner = || MODELS.into_iter().filter_map(|key| entry(pickled, value, key));
    is_state_dictionary(pickled, value)
        || inner().any(|inner| leads_to_tensors(pickled, inner, depth + 1, seen))
}

/// Whether a value is a dictionary with a tensor in it.
pub(super) fn is_state_dictionary(pickled: &Pickled, value: &Value) -> bool {
    pickled.entries(value).iter().any(|(_, value)| matches!(value, Value::Tensor(_)))
}
