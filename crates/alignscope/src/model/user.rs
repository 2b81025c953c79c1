//! A model of the user's: features or distances that are there already, or a function.

use super::activation_model::Activations;
use super::features::{Features, FeaturesSource};
use super::function::{Function, FunctionSource};
use super::given_distances::{GivenDistances, GivenModel};
use super::{Model, ModelError};
use crate::features::Reading;
use crate::model_spec::check_model_name;
use crate::name::MAX_NAME_BYTES;
use crate::stage::Stage;

/// A model whose activations, or distances, come from outside.
#[derive(Debug)]
pub struct UserModel<'a> {
    /// Its name in the results.
    pub name: String,
    /// Which tokens are compared, and how its arrays are read.
    pub reading: Reading,
    /// Where its activations come from.
    pub source: UserSource<'a>,
    /// Where each of its stages stands in figures, 0 to 100; `None` for what follows from their names
    /// ([`depths`](crate::depths)).
    pub depths: Option<Vec<f64>>,
}

/// Where activations come from.
#[derive(Debug)]
pub enum UserSource<'a> {
    /// They are there already.
    Features(Features<'a>),
    /// A function makes them of images.
    Function(Function<'a>),
    /// None are needed: the distances are there already.
    Distances(GivenDistances<'a>),
}

impl<'a> UserModel<'a> {
    /// The model that it is in a run.
    ///
    /// # Errors
    /// Its name, its stages or its arrays cannot be.
    pub fn into_model(self) -> Result<Box<dyn Model + 'a>, ModelError> {
        check_model_name(&self.name)?;
        self.check_stages()?;
        self.check_depths()?;
        let Self { name, reading, source, depths: _ } = self;
        Ok(match source {
            UserSource::Features(features) => {
                Box::new(Activations(FeaturesSource::new(name, reading, features)?))
            }
            UserSource::Function(function) => {
                Box::new(Activations(FunctionSource::new(name, reading, function)))
            }
            UserSource::Distances(given) => Box::new(GivenModel::new(name, given)),
        })
    }

    /// The stages, in order of depth.
    fn stages(&self) -> Vec<Stage> {
        match &self.source {
            UserSource::Features(features) => features.stages.iter().map(|s| s.0).collect(),
            UserSource::Function(function) => function.stages.clone(),
            UserSource::Distances(given) => given.stages(),
        }
    }

    /// Refuses depths that are not one for each stage, each deeper than the one before, from 0 to 100.
    fn check_depths(&self) -> Result<(), ModelError> {
        let Some(depths) = &self.depths else { return Ok(()) };
        let stages = self.stages().len();
        let are_within = depths.iter().all(|depth| (0.0..=100.0).contains(depth));
        let grow = depths.windows(2).all(|two| two[0] < two[1]);
        match depths.len() == stages && are_within && grow {
            true => Ok(()),
            false => {
                let (model, found) = (self.name.clone(), depths.clone());
                Err(ModelError::Depths { model, found, stages })
            }
        }
    }

    /// Refuses no stage at all, a stage twice, and a name that stands for pixels, or for nothing.
    fn check_stages(&self) -> Result<(), ModelError> {
        let model = || self.name.clone();
        let stages = self.stages();
        let reserved =
            |stage: &Stage| *stage == Stage::Image || stage.to_string().trim().is_empty();
        if let Some(stage) = stages.iter().find(|stage| reserved(stage)) {
            return Err(ModelError::StageName { model: model(), stage: *stage });
        }
        let bytes = stages.iter().map(|stage| stage.to_string().len()).max().unwrap_or(0);
        if bytes > MAX_NAME_BYTES {
            return Err(ModelError::LongStageName { model: model(), bytes });
        }
        let twice = stages.iter().enumerate().find(|(i, s)| stages[..*i].contains(s));
        if let Some((_, stage)) = twice {
            return Err(ModelError::StageTwice { model: model(), stage: *stage });
        }
        match stages.is_empty() {
            true => Err(ModelError::NoStages { model: model() }),
            false => Ok(()),
        }
    }
}
