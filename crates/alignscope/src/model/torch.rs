//! Torch models that are named: whoever has Python opens them.

use super::{ModelError, UserModel};
use crate::encoder::Tokens;
use crate::model_spec::{TorchName, TorchOptions};
use crate::progress::Progress;

/// A torch model that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct TorchRequest<'r> {
    /// What results call it.
    pub name: &'r str,
    /// The model.
    pub model: &'r TorchName,
    /// How it runs.
    pub options: &'r TorchOptions,
    /// Which tokens are compared.
    pub tokens: Tokens,
}

/// Opens torch models by their names.
///
/// The library has no Python: a door that has one implements this. What it opens is a function of
/// the caller's ([`Function`](super::Function)), and is measured like any other.
///
/// ```
/// use alignscope::model::ModelError;
/// use alignscope::{Progress, TorchModels, TorchRequest, UserModel};
///
/// /// Where every model is a dream.
/// struct Asleep;
///
/// impl TorchModels for Asleep {
///     fn open<'a>(
///         &'a self,
///         asked: TorchRequest<'_>,
///         _progress: &'a dyn Progress,
///     ) -> Result<UserModel<'a>, ModelError> {
///         let source = format!("{} is a dream, expected a model", asked.model).into();
///         Err(ModelError::Torch { model: asked.name.to_owned(), source })
///     }
/// }
/// ```
pub trait TorchModels: Sync {
    /// Opens a model.
    ///
    /// `progress` — says whether the user wants to stop, here and whenever the model encodes
    ///
    /// # Errors
    /// [`ModelError::Torch`] if it cannot be opened, [`ModelError::NoTorch`] if there is no torch,
    /// [`ModelError::Stopped`] if the user wants to stop.
    fn open<'a>(
        &'a self,
        asked: TorchRequest<'_>,
        progress: &'a dyn Progress,
    ) -> Result<UserModel<'a>, ModelError>;

    /// What there is of Python, torch and its libraries, and devices, for a report of what a
    /// machine has: what each thing is called, and its version or kind. Empty if there is no Python.
    fn facts(&self) -> Vec<(String, String)> {
        vec![]
    }
}

/// Where there is no torch: every model is an error that says what to install.
#[derive(Debug, Clone, Copy)]
pub struct NoTorch;

impl TorchModels for NoTorch {
    fn open<'a>(
        &'a self,
        asked: TorchRequest<'_>,
        _progress: &'a dyn Progress,
    ) -> Result<UserModel<'a>, ModelError> {
        let library = asked.model.library.package();
        Err(ModelError::NoTorch { model: asked.name.to_owned(), library })
    }
}
