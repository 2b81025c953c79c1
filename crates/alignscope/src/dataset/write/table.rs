//! The table of a manifest.

use super::WriteDatasetError;
use crate::dataset::{Dataset, LabelColumn, Trials};

/// Labels that have a column of their own name; others have `label_NAME`.
const OWN_COLUMNS: [&str; 3] = ["group", "subject", "split"];

/// The table with all trials of a data set.
///
/// `names` — of the images
///
/// # Errors
/// It has people's matrices, or labels that no table can have.
pub(super) fn of(dataset: &Dataset, names: &[String]) -> Result<String, WriteDatasetError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header: Vec<String> = columns(dataset)?.iter().map(|name| (*name).into()).collect();
    header.push("trial".to_owned());
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
        fields.extend(dataset.labels.iter().map(|label| value(label, trial)));
        record(&fields);
    }
    let bytes = writer.into_inner().expect("memory takes all that is written");
    Ok(String::from_utf8(bytes).expect("all fields are texts"))
}

/// The columns of images and answer.
fn columns(dataset: &Dataset) -> Result<&'static [&'static str], WriteDatasetError> {
    Ok(match dataset.trials {
        Trials::RatedPairs(_) => &["reference", "distorted", "score", "std"],
        Trials::TwoAlternatives(_) => &["reference", "left", "right", "left_votes", "right_votes"],
        Trials::OddOneOut(_) => &["image_1", "image_2", "image_3", "odd"],
        Trials::Quadruplets(_) => &["a_1", "a_2", "b_1", "b_2", "a_votes", "b_votes"],
        Trials::SameDifferent(_) => &["image_1", "image_2", "different_votes", "same_votes"],
        Trials::Matrices(_) => {
            return Err(WriteDatasetError::Matrices { dataset: dataset.name.clone() });
        }
    })
}

/// What people answered, in the order of the [`columns`].
fn answer(dataset: &Dataset, trial: usize) -> Vec<String> {
    match &dataset.trials {
        Trials::RatedPairs(trials) => {
            let std = trials[trial].std.filter(|_| !dataset.has_deviations_of_ratings());
            let std = std.map_or(String::new(), |std| std.to_string());
            vec![trials[trial].score.to_string(), std]
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
    let column = |label: &LabelColumn| match OWN_COLUMNS.contains(&label.name.as_str()) {
        true => label.name.clone(),
        false => format!("label_{}", label.name),
    };
    Ok(labels.iter().map(column).collect())
}

fn value(label: &LabelColumn, trial: usize) -> String {
    label.values[label.codes[trial] as usize].clone()
}
