//! How the arrays of a model of the caller's are read, and what is said of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ModelError;
use crate::encoder::Tokens;
use crate::features::{ArrayAxes, Reading};
use crate::progress::Progress;
use crate::remedy::Advice;
use crate::stage::Stage;

/// How the arrays of a model's stages are read.
pub(super) fn arrays(
    model: &str,
    reading: Reading,
    shapes: &[(Stage, Vec<usize>)],
) -> Result<Vec<(Stage, ArrayAxes)>, ModelError> {
    let read = |(stage, shape): &(Stage, Vec<usize>)| {
        let axes = reading.of(shape).map_err(|source| ModelError::Array {
            model: model.to_owned(),
            stage: *stage,
            source: Box::new(source),
        })?;
        Ok((*stage, axes))
    };
    let arrays: Vec<_> = shapes.iter().map(read).collect::<Result<_, ModelError>>()?;
    reading.check_used(&arrays).map_err(|source| ModelError::Reading {
        model: model.to_owned(),
        source: Box::new(source),
    })?;
    Ok(arrays)
}

/// Tells how the arrays of a model's stages are read, as far as nobody said so; what is probably
/// wrong with it.
pub(super) fn tell(
    model: &str,
    reading: Reading,
    shapes: &[(Stage, Vec<usize>)],
    arrays: &[(Stage, ArrayAxes)],
    progress: &dyn Progress,
) -> Vec<Advice> {
    let warnings = reading.warnings(model, shapes);
    for advice in reading.notes(model, arrays).iter().chain(&warnings) {
        progress.advise(advice);
    }
    warnings
}

/// How arrays are read, by what that is called: what two runs must have alike.
pub(super) fn how_read(
    reading: Reading,
    arrays: &[(Stage, ArrayAxes)],
) -> BTreeMap<String, String> {
    let stages = arrays.iter().map(|(stage, _)| stage.to_string()).collect::<Vec<_>>();
    let mut read = BTreeMap::from([("stages".to_owned(), stages.join(", "))]);
    if !reading.layouts.is_empty() {
        read.insert("layout".to_owned(), reading.layouts.to_string());
    }
    if reading.tokens != Tokens::All {
        let of_stage = |(stage, axes): &(Stage, ArrayAxes)| {
            let prefix = axes.prefix.filter(|_| axes.tokens > 1)?;
            Some(format!("{prefix} of {} at {stage}", axes.tokens))
        };
        let prefixes: Vec<String> = arrays.iter().filter_map(of_stage).collect();
        read.insert("tokens before the patches".to_owned(), prefixes.join(", "));
    }
    read
}

/// Which tokens of which arrays are compared: what results depend on.
pub(super) fn compared(tokens: Tokens, arrays: &[(Stage, ArrayAxes)]) -> String {
    let of_stage = |(stage, axes): &(Stage, ArrayAxes)| json!([stage.to_string(), axes.recorded()]);
    let arrays: Vec<Value> = arrays.iter().map(of_stage).collect();
    json!({ "tokens": tokens.to_string(), "arrays": arrays }).to_string()
}
