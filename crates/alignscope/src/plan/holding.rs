//! How the activations of a function's model were held.

use std::fmt;

use crate::stage::Stage;

/// How the activations of a function's model were held until their pairs were reduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Where they were.
    pub place: Place,
    /// Groups of images that were reduced one after the other.
    pub image_groups: usize,
    /// Groups of stages, for each of which all images were encoded.
    pub stage_groups: Vec<Vec<Stage>>,
    /// How often the function was called.
    pub calls: usize,
}

/// Where activations were held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On the device that made them.
    Device,
    /// In memory.
    Memory,
    /// In a temporary file.
    File,
}

impl Place {
    /// All places, from the fastest on.
    pub const ALL: [Self; 3] = [Self::Device, Self::Memory, Self::File];

    /// The name used in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Memory => "memory",
            Self::File => "file",
        }
    }
}

choice!(Place, "place of activations");

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let where_ = match self.place {
            Place::Device => "on the device",
            Place::Memory => "in memory",
            Place::File => "in a temporary file",
        };
        write!(f, "activations were held {where_}")?;
        if self.image_groups > 1 {
            write!(f, ", in {} groups of images", self.image_groups)?;
        }
        if self.stage_groups.len() > 1 {
            write!(
                f,
                ", in {} groups of stages, for each of which all images were encoded",
                self.stage_groups.len()
            )?;
        }
        write!(f, "; {} calls", self.calls)
    }
}
