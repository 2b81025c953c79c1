//! Runs compared from their files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::compare_error::{CompareError, MAX_PAIRS};
use crate::comparison::{ComparisonRow, Measured, Side, cohens_kappa, compare, pairs};
use crate::dataset::{ALL, Subset};
use crate::distance::Distance;
use crate::model_spec::SeriesStep;
use crate::resample::{Draws, Interval, MAX_DRAWS, MAX_REPLICATES, Resampling};
use crate::results::{
    RunDataset, ScoreRow, check_finished, read_distances, read_resampling, read_scores, read_trials,
};
use crate::score::{Measure, Scorer, Ties};
use crate::stage::Stage;

/// What is to be compared. What is not said is left open: all models, at their last stage, each
/// kind of distance with itself.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareRequest {
    /// The folder of a run.
    pub run_a: PathBuf,
    /// The folder of another run of the same trials, where it is not one run.
    pub run_b: Option<PathBuf>,
    /// Models of the first and of the second side.
    pub models: [Option<String>; 2],
    /// Their stages.
    pub stages: [Option<Stage>; 2],
    /// Their kinds of distance.
    pub distances: [Option<Distance>; 2],
    /// One data set of the run.
    pub dataset: Option<String>,
    /// Resamples, where not as many as the first run has. Clusters are always those of the run.
    pub resamples: Option<usize>,
    /// Their seed, where not the first run's.
    pub seed: Option<u64>,
}

impl CompareRequest {
    /// Resamples and seed: those of the first run, where no others are asked for.
    pub(super) fn resampling(&self) -> Result<Resampling, CompareError> {
        let of_run = read_resampling(&self.run_a.join("manifest.json"))?;
        Ok(Resampling {
            resamples: self.resamples.unwrap_or(of_run.resamples),
            seed: self.seed.unwrap_or(of_run.seed),
            ..of_run
        })
    }
}

/// Runs compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparisons {
    /// Resamples and seed that were taken.
    pub resampling: Resampling,
    /// The comparisons of all data sets.
    pub rows: Vec<ComparisonRow>,
    /// How far each side agrees with people beyond chance; of choices only.
    pub with_people: Vec<WithPeople>,
}

/// The agreement of a model's answers with people's beyond chance.
#[derive(Debug, Clone, PartialEq)]
pub struct WithPeople {
    /// The data set.
    pub dataset: String,
    /// Whose answers.
    pub side: Side,
    /// (accuracy − chance) / (1 − chance)
    pub beyond_chance: f64,
    /// Its interval, where there is one.
    pub interval: Option<Interval>,
    /// Cohen's kappa, what most people answer being the other rater ([`cohens_kappa`]); NaN where it is
    /// not defined.
    pub kappa: f64,
    /// Its interval, where there is one.
    pub kappa_interval: Option<Interval>,
}

/// A run as far as it is read.
pub(super) struct ComparedRun<'a> {
    pub(super) path: &'a Path,
    pub(super) datasets: Vec<RunDataset>,
    /// Every side with a main score, in the order of the run.
    sides: Vec<(String, Side)>,
    /// Which models are states of series.
    states: BTreeMap<String, SeriesStep>,
    pub(super) ties: Ties,
}

impl<'a> ComparedRun<'a> {
    pub(super) fn read(path: &'a Path) -> Result<Self, CompareError> {
        check_finished(path)?;
        let rows = read_scores(&path.join("scores.csv"))?;
        let mut sides = Vec::new();
        for row in rows.iter().filter(|row| row.subset == ALL) {
            let side = Side { model: row.model.clone(), stage: row.stage, distance: row.distance };
            if row.measure.is_main() {
                sides.push((row.dataset.clone(), side));
            }
        }
        let state = |row: &ScoreRow| {
            let (series, step) = (row.series.clone()?, row.step?);
            Some((row.model.clone(), SeriesStep { series, step }))
        };
        let states = rows.iter().filter_map(state).collect();
        let ties = rows.first().map_or(Ties::Miss, |row| row.ties);
        let datasets = read_trials(&path.join("trials.parquet"))?;
        Ok(Self { path, datasets, sides, states, ties })
    }

    /// The sides on a data set that are of this model, stage and distance; at the last stage where
    /// no stage is said. A stage or a distance of encoders is not asked of baselines and pixels.
    pub(super) fn choose(
        &self,
        dataset: &str,
        model: Option<&str>,
        stage: Option<Stage>,
        distance: Option<Distance>,
    ) -> Result<Vec<Side>, CompareError> {
        let mut left: Vec<&Side> =
            self.sides.iter().filter(|(of, _)| of == dataset).map(|(_, s)| s).collect();
        let mut narrow =
            |what: &'static str, name: Option<String>, of: &dyn Fn(&Side) -> String| {
                let Some(name) = name else { return Ok(()) };
                let mut found = Vec::new();
                for side in &left {
                    let one = format!("`{}`", of(side));
                    if !found.contains(&one) {
                        found.push(one);
                    }
                }
                let free = model.is_none();
                left.retain(|side| of(side) == name || (free && !side.is_of_encoder()));
                match left.iter().any(|side| of(side) == name) {
                    true => Ok(()),
                    false => Err(CompareError::NotThere {
                        run: self.path.to_owned(),
                        model: model.filter(|_| what != "model").map(Box::from),
                        what,
                        name,
                        dataset: dataset.to_owned(),
                        found: found.into(),
                    }),
                }
            };
        narrow("model", model.map(str::to_owned), &|side| side.model.clone())?;
        narrow("stage", stage.map(|s| s.to_string()), &|side| side.stage.to_string())?;
        narrow("distance", distance.map(|d| d.to_string()), &|side| side.distance.to_string())?;
        let last = |side: &&Side| {
            let mut of_model = self.sides.iter().rev();
            let of_model = of_model.find(|(of, s)| of == dataset && s.model == side.model);
            stage.is_some() || of_model.is_some_and(|(_, last)| last.stage == side.stage)
        };
        Ok(left.into_iter().filter(last).cloned().collect())
    }

    /// That this run has no scores on a data set; with one that the other has too, if there is one.
    fn without(&self, dataset: String, other: Option<&Self>) -> CompareError {
        let found: Vec<String> = self.datasets.iter().map(|of| of.name.clone()).collect();
        let is_in = |other: &Self, name: &str| other.datasets.iter().any(|of| of.name == name);
        let shared = found.iter().find(|name| other.is_some_and(|other| is_in(other, name)));
        let shared = shared.cloned();
        CompareError::NoDataset { run: self.path.to_owned(), dataset, found, shared }
    }

    /// Whether a side is among those that are compared where no model is named: of a series it is the
    /// last state, or with `also_first` its first, too.
    pub(super) fn stands(&self, side: &Side, also_first: bool) -> bool {
        let Some(SeriesStep { series, step }) = self.states.get(&side.model) else { return true };
        let of_series = self.states.values().filter(|state| state.series == *series);
        let (mut earlier, mut later) = (false, false);
        for state in of_series {
            earlier |= state.step < *step;
            later |= state.step > *step;
        }
        !later || also_first && !earlier
    }
}

/// Compares models of one run, or of two runs of the same trials.
///
/// # Errors
/// See [`CompareError`].
pub fn compare_runs(request: &CompareRequest) -> Result<Comparisons, CompareError> {
    let a = ComparedRun::read(&request.run_a)?;
    let b = request.run_b.as_deref().map(ComparedRun::read).transpose()?;
    if let Some(b) = &b
        && a.ties != b.ties
    {
        let (run_a, run_b) = (a.path.to_owned(), b.path.to_owned());
        return Err(CompareError::Ties { run_a, run_b, a: a.ties, b: b.ties });
    }
    let wanted =
        |dataset: &&RunDataset| request.dataset.as_ref().is_none_or(|name| dataset.name == *name);
    let datasets: Vec<&RunDataset> = a.datasets.iter().filter(wanted).collect();
    if datasets.is_empty() {
        let dataset = request.dataset.clone().unwrap_or_else(|| "any data set".to_owned());
        return Err(a.without(dataset, None));
    }
    let resampling = request.resampling()?;
    let mut found = Comparisons { resampling, rows: vec![], with_people: vec![] };
    for dataset in datasets {
        if let Some(b) = &b {
            let Some(other) = b.datasets.iter().find(|other| other.name == dataset.name) else {
                return Err(b.without(dataset.name.clone(), Some(&a)));
            };
            if let Some(difference) = dataset.first_difference(other) {
                return Err(CompareError::Trials {
                    run_a: a.path.to_owned(),
                    run_b: b.path.to_owned(),
                    dataset: dataset.name.clone(),
                    difference,
                });
            }
        }
        compare_dataset(request, &a, b.as_ref(), dataset, &mut found)?;
    }
    Ok(found)
}

fn compare_dataset(
    request: &CompareRequest,
    a: &ComparedRun<'_>,
    b: Option<&ComparedRun<'_>>,
    dataset: &RunDataset,
    found: &mut Comparisons,
) -> Result<(), CompareError> {
    let name = dataset.name.as_str();
    let bounds = Bounds { request, resamples: found.resampling.resamples, dataset: name };
    bounds.clusters(dataset.clusters.count)?;
    let scorer = scorer(&found.resampling, a.ties, dataset);
    let [model_a, model_b] = request.models.each_ref().map(Option::as_deref);
    let [stage_a, stage_b] = request.stages;
    let [distance_a, distance_b] = request.distances;
    let mut first = a.choose(name, model_a, stage_a, distance_a)?;

    let open = model_a.is_none() && stage_a.is_none();
    let open_b = model_b.is_none() && stage_b.is_none() && distance_b.is_none();
    let (sides, chosen) = if b.is_none() && open && open_b {
        // One table of all models.
        first.retain(|side| a.stands(side, true));
        few(name, first.len() * first.len().saturating_sub(1) / 2)?;
        bounds.sides(first.len())?;
        let sides = measure(a, dataset, &scorer, &first, found)?;
        let chosen = pairs(&sides);
        (sides, chosen)
    } else {
        // Of one model without another: its stages or distances with each other.
        let same = b.is_none() && (stage_b.is_some() || distance_b.is_some());
        let model_b = if same { model_b.or(model_a) } else { model_b };
        let itself = b.is_none() && model_b.is_some() && model_b == model_a;
        let stage_b = if itself { stage_b.or(stage_a) } else { stage_b };
        let run_b = b.unwrap_or(a);
        let mut second = run_b.choose(name, model_b, stage_b, distance_b)?;
        first.retain(|side| model_a.is_some() || a.stands(side, false));
        second.retain(|side| model_b.is_some() || run_b.stands(side, false));
        few(name, first.len() * second.len())?;
        bounds.sides(first.len() + second.len())?;
        let mut sides = measure(a, dataset, &scorer, &first, found)?;
        sides.extend(measure(run_b, dataset, &scorer, &second, found)?);
        let mut chosen = Vec::<[usize; 2]>::new();
        for (i, one) in first.iter().enumerate() {
            for (j, other) in second.iter().enumerate() {
                let crossed = one.is_of_encoder()
                    && other.is_of_encoder()
                    && distance_b.is_none()
                    && one.distance != other.distance;
                // In one run neither a side with itself, nor a pair in both orders; nor the named
                // model among all others.
                let again = b.is_none()
                    && (one == other
                        || (model_b.is_none() && model_a == Some(other.model.as_str()))
                        || chosen
                            .iter()
                            .any(|[a, b]| &sides[*a].side == other && &sides[*b].side == one));
                if !crossed && !again {
                    chosen.push([i, first.len() + j]);
                }
            }
        }
        (sides, chosen)
    };
    if chosen.is_empty() {
        let why = "the two sides are the same, or there is only one model";
        return Err(CompareError::Nothing { dataset: name.to_owned(), why });
    }
    found.rows.extend(compare(name, &scorer, &sides, &chosen));
    Ok(())
}

/// Refuses more pairs than can be compared.
pub(super) fn few(dataset: &str, found: usize) -> Result<(), CompareError> {
    match found > MAX_PAIRS {
        true => Err(CompareError::Many { dataset: dataset.to_owned(), found }),
        false => Ok(()),
    }
}

/// Holds the work that a manifest's number of resamples makes to its bounds. A number that the
/// user gave is the user's own.
pub(super) struct Bounds<'a> {
    pub(super) request: &'a CompareRequest,
    pub(super) resamples: usize,
    pub(super) dataset: &'a str,
}

impl Bounds<'_> {
    /// Drawing so many clusters takes minutes at most.
    pub(super) fn clusters(&self, count: usize) -> Result<(), CompareError> {
        self.product(count, "clusters", "draws", MAX_DRAWS)
    }

    /// The resampled scores of so many sides fit into memory.
    pub(super) fn sides(&self, count: usize) -> Result<(), CompareError> {
        self.product(count, "models by stage and distance", "resampled scores", MAX_REPLICATES)
    }

    fn product(
        &self,
        count: usize,
        of: &'static str,
        makes: &'static str,
        most: u64,
    ) -> Result<(), CompareError> {
        let Self { request, resamples, dataset } = *self;
        // Of at most 10^6 and 2^32.
        if request.resamples.is_some() || resamples as u64 * count as u64 <= most {
            return Ok(());
        }
        let run = request.run_a.clone();
        let dataset = dataset.to_owned();
        Err(CompareError::Resamples { run, resamples, count, of, dataset, makes, most })
    }
}

/// A scorer of the whole of a data set.
pub(super) fn scorer(resampling: &Resampling, ties: Ties, dataset: &RunDataset) -> Scorer {
    let trials = (0..dataset.trials.len() as u32).collect();
    let whole = Subset { name: ALL.to_owned(), trials, within: vec![] };
    let clusters = dataset.clusters.clone();
    let draws = Draws::new(resampling, &dataset.name, clusters.count);
    let scorer = Scorer::new(dataset.trials.clone(), clusters, vec![whole], draws, ties);
    scorer.with_facts(dataset.facts())
}

/// Scores sides of a run.
pub(super) fn measure(
    run: &ComparedRun<'_>,
    dataset: &RunDataset,
    scorer: &Scorer,
    sides: &[Side],
    found: &mut Comparisons,
) -> Result<Vec<Measured>, CompareError> {
    let distances = read_distances(&run.path.join("distances.parquet"), dataset, sides)?;
    let scores = scorer
        .score(&distances)
        .map_err(|source| CompareError::Score { run: run.path.to_owned(), source })?;
    let mut measured = Vec::with_capacity(sides.len());
    let kappas = cohens_kappa(scorer, &distances);
    for (i, ((side, scores), distances)) in sides.iter().zip(scores).zip(&distances).enumerate() {
        let beyond = scores.scores.iter().find(|s| s.score.measure == Measure::BeyondChance);
        let known = found.with_people.iter().any(|w| w.dataset == dataset.name && w.side == *side);
        if let (Some(beyond), Some(kappas), false) = (beyond, &kappas, known) {
            found.with_people.push(WithPeople {
                dataset: dataset.name.clone(),
                side: side.clone(),
                beyond_chance: beyond.score.value,
                interval: beyond.interval.ok(),
                kappa: kappas[i].estimate,
                kappa_interval: kappas[i].interval().ok(),
            });
        }
        measured.push(Measured {
            side: side.clone(),
            replicates: scores.main,
            bits: scores.bits,
            outcomes: scorer.outcomes(distances),
            state: run.states.get(&side.model).cloned(),
        });
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resamples_of_a_manifest_make_no_endless_work() {
        let from_manifest = CompareRequest {
            run_a: "run".into(),
            run_b: None,
            models: [None, None],
            stages: [None; 2],
            distances: [None; 2],
            dataset: None,
            resamples: None,
            seed: None,
        };
        let given = CompareRequest { resamples: Some(1_000_000), ..from_manifest.clone() };
        let bounds = |request, resamples| Bounds { request, resamples, dataset: "things" };
        let message = |found: Result<(), CompareError>| found.expect_err("too many").to_string();

        let most = bounds(&from_manifest, 1_000_000);
        most.clusters(100_000).expect("1e11 draws");
        most.sides(1000).expect("1e9 numbers");
        assert_eq!(
            message(most.clusters(10_000_000)),
            "run has 1000000 resamples, which with 10000000 clusters on things are \
             10000000000000 draws, expected at most 100000000000"
        );
        let sides = message(most.sides(100_001));
        assert!(sides.contains("100001 models by stage and distance"), "{sides}");
        assert!(sides.ends_with("expected at most 1000000000"), "{sides}");

        // By default nothing is too much; and what is typed is meant.
        let usual = bounds(&from_manifest, 2000);
        usual.clusters(10_000_000).and(usual.sides(100_001)).expect("2,000 resamples");
        let typed = bounds(&given, 1_000_000);
        typed.clusters(10_000_000).and(typed.sides(100_001)).expect("typed");
    }
}
