//! The table of a manifest.

use super::WriteDatasetError;
use crate::dataset::manifest::columns::{
    Columns, LABEL, LABELS, ODD_ONE_OUT, PAIRS, QUADRUPLETS, SAME_DIFFERENT, TRIAL, TWO_AFC,
};
use crate::dataset::{Dataset, LabelColumn, RESPONSE_TIME, Trials};

/// The table with all trials of a data set.
///
/// `names` — of the images
///
/// # Errors
/// It has people's matrices, or labels that no table can have.
pub(super) fn of(dataset: &Dataset, names: &[String]) -> Result<String, WriteDatasetError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header: Vec<String> = columns(dataset)?.into_iter().map(str::to_owned).collect();
    header.push(TRIAL.to_owned());
    let times = dataset.response_times();
    header.extend(times.map(|_| RESPONSE_TIME.to_owned()));
    header.extend(label_columns(dataset)?);
    let mut record = |fields: &[String]| {
        writer.write_record(fields).expect("memory takes all that is written");
    };
    record(&header);
    for trial in 0..dataset.trials.len() {
        let images = dataset.trials.paradigm().images(trial);
        let mut fields: Vec<String> =
            images.iter().map(|image| names[*image as usize].clone()).collect();
        fields.extend(answer(dataset, trial));
        fields.push(dataset.trial_ids[trial].to_string());
        fields.extend(times.map(|times| or_nothing(Some(times[trial]))));
        fields.extend(dataset.labels.iter().map(|label| value(label, trial)));
        record(&fields);
    }
    let bytes = writer.into_inner().expect("memory takes all that is written");
    Ok(String::from_utf8(bytes).expect("all fields are texts"))
}

/// The columns of images and answer.
fn columns(dataset: &Dataset) -> Result<Vec<&'static str>, WriteDatasetError> {
    Ok(match dataset.trials {
        Trials::RatedPairs(_) => all(&PAIRS),
        Trials::TwoAlternatives(_) => all(&TWO_AFC),
        Trials::OddOneOut(_) => all(&ODD_ONE_OUT),
        Trials::Quadruplets(_) => all(&QUADRUPLETS),
        Trials::SameDifferent(_) => all(&SAME_DIFFERENT),
        Trials::Matrices(_) => {
            return Err(WriteDatasetError::Matrices { dataset: dataset.name.clone() });
        }
    })
}

fn all<const N: usize, const A: usize>(columns: &Columns<N, A>) -> Vec<&'static str> {
    columns.images.into_iter().chain(columns.answers).collect()
}

/// A number; nothing if it is not known.
fn or_nothing(number: Option<f64>) -> String {
    number.filter(|number| !number.is_nan()).map_or(String::new(), |number| number.to_string())
}

/// What people answered, in the order of the [`columns`].
fn answer(dataset: &Dataset, trial: usize) -> Vec<String> {
    match &dataset.trials {
        Trials::RatedPairs(trials) => {
            let std = trials[trial].std.filter(|_| !dataset.std_of_ratings);
            vec![trials[trial].score.to_string(), or_nothing(std)]
        }
        Trials::TwoAlternatives(trials) => {
            [trials[trial].left_votes, trials[trial].right_votes].map(|v| v.to_string()).to_vec()
        }
        Trials::OddOneOut(trials) => vec![(trials[trial].odd + 1).to_string()],
        Trials::Quadruplets(trials) => {
            [trials[trial].first_votes, trials[trial].second_votes].map(|v| v.to_string()).to_vec()
        }
        Trials::SameDifferent(trials) => {
            let votes = [trials[trial].different_votes, trials[trial].same_votes];
            votes.map(|v| v.to_string()).to_vec()
        }
        Trials::Matrices(_) => vec![],
    }
}

/// The column of each label.
fn label_columns(dataset: &Dataset) -> Result<Vec<String>, WriteDatasetError> {
    let labels = &dataset.labels;
    for (i, label) in labels.iter().enumerate() {
        let other = labels[..i].iter().find(|other| other.name.eq_ignore_ascii_case(&label.name));
        if let Some(other) = other {
            return Err(WriteDatasetError::Labels {
                dataset: dataset.name.clone(),
                first: other.name.clone(),
                second: label.name.clone(),
            });
        }
    }
    let column = |label: &LabelColumn| match LABELS.contains(&label.name.as_str()) {
        true => label.name.clone(),
        false => format!("{LABEL}{}", label.name),
    };
    Ok(labels.iter().map(column).collect())
}

fn value(label: &LabelColumn, trial: usize) -> String {
    label.values[label.codes[trial] as usize].clone()
}
