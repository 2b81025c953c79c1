//! How images are brought to a function: as some model has it, or as the user says.

use alignscope::ModelSpec;
use alignscope::encoder::known_models;
use alignscope::preprocess::{CropRounding, Normalize, Preprocessing, Resample, Resize};
use numpy::{PyArrayDyn, PyReadonlyArrayDyn};
use pyo3::prelude::*;

use crate::array;
use crate::error::exception;
use crate::error::raise;

/// A recipe as Python gives it: the name of a model, or each step.
#[derive(FromPyObject)]
pub(crate) enum GivenRecipe {
    Name(String),
    Steps(Steps),
}

/// The fields of `alignscope.torch.Recipe`, checked there.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Steps {
    shortest: Option<usize>,
    exact: Option<(usize, usize)>,
    crop: Option<(usize, usize)>,
    filter: u64,
    floor: bool,
    rescale: Option<f64>,
    mean: Option<[f64; 3]>,
    std: Option<[f64; 3]>,
    in_floats: bool,
}

impl Steps {
    fn preprocessing(&self, py: Python<'_>) -> PyResult<Preprocessing> {
        let resize = match (self.shortest, self.exact) {
            (Some(side), _) => Some(Resize::ShortestEdge(side)),
            (None, Some((height, width))) => Some(Resize::Exact { height, width }),
            (None, None) => None,
        };
        let resample = Resample::from_code(self.filter).ok_or_else(|| {
            let message = format!("filter is {}, expected 0 to 5", self.filter);
            raise(py, "InvalidValueError", message)
        })?;
        let normalize = self.mean.zip(self.std).map(|(mean, std)| Normalize { mean, std });
        Ok(Preprocessing {
            resize,
            resample,
            crop: self.crop,
            crop_rounding: match self.floor {
                true => CropRounding::Floor,
                false => CropRounding::HalfToEven,
            },
            rescale_factor: self.rescale,
            normalize,
            resize_floats: self.in_floats,
        })
    }
}

/// How images are brought to a function.
#[derive(Clone)]
pub(crate) enum Recipe {
    Known(Preprocessing),
    /// Of a checkpoint that is still to be opened.
    Checkpoint(ModelSpec),
}

impl Recipe {
    pub(crate) fn new(py: Python<'_>, given: &GivenRecipe) -> PyResult<Self> {
        match given {
            GivenRecipe::Name(name) => Self::named(py, name),
            GivenRecipe::Steps(steps) => steps.preprocessing(py).map(Self::Known),
        }
    }

    fn named(py: Python<'_>, name: &str) -> PyResult<Self> {
        let id = name.strip_prefix("random:").unwrap_or(name);
        if let Some(known) = known_models().iter().find(|known| known.id == id) {
            return Ok(Self::Known(known.preprocessing().clone()));
        }
        let model: ModelSpec = name.parse().map_err(|e| exception(py, &e))?;
        if !model.is_encoder() {
            let message = format!("`{name}` has no recipe of preprocessing; name an encoder");
            return Err(raise(py, "InvalidValueError", message));
        }
        Ok(Self::Checkpoint(model))
    }
}

/// An image prepared by the steps of a recipe, `[3, height, width]`.
#[pyfunction]
pub(crate) fn prepared<'py>(
    py: Python<'py>,
    steps: Steps,
    image: PyReadonlyArrayDyn<'py, u8>,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let recipe = steps.preprocessing(py)?;
    let image = array::image(&image)?;
    let Some((height, width)) = recipe.output_size() else {
        let message = "images would differ in size after this recipe".to_owned();
        return Err(raise(py, "InvalidValueError", message));
    };
    let mut values = vec![0.0; 3 * height * width];
    py.detach(|| recipe.apply_into(&image, &mut values));
    Ok(array::array(py, values, &[3, height, width]))
}
