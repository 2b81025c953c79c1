//! What the axes of an array of features are, and which of its tokens are patches.

use std::fmt;

use serde_json::{Value, json};

use crate::encoder::{Prefix, Tokens};
use crate::remedy::{Advice, Choice, Remedy};
use crate::stage::Stage;

/// What the axes of an array are, by the letters that PyTorch and timm use: N images, C channels,
/// H height, W width, L tokens; `...` are any other axes, three or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Feature maps `[images, channels, height, width]`.
    Nchw,
    /// Feature maps `[images, height, width, channels]`.
    Nhwc,
    /// Tokens `[images, tokens, channels]`: what three axes are by default.
    Nlc,
    /// Tokens `[images, channels, tokens]`.
    Ncl,
    /// Five axes or more, that of channels behind that of images.
    NcMore,
    /// Five axes or more, that of channels last.
    NMoreC,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 6] =
        [Self::Nchw, Self::Nhwc, Self::Nlc, Self::Ncl, Self::NcMore, Self::NMoreC];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nchw => "NCHW",
            Self::Nhwc => "NHWC",
            Self::Nlc => "NLC",
            Self::Ncl => "NCL",
            Self::NcMore => "NC...",
            Self::NMoreC => "N...C",
        }
    }

    /// Its axes in words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Nchw => "[images, channels, height, width]",
            Self::Nhwc => "[images, height, width, channels]",
            Self::Nlc => "[images, tokens, channels]",
            Self::Ncl => "[images, channels, tokens]",
            Self::NcMore => "[images, channels, …]",
            Self::NMoreC => "[images, …, channels]",
        }
    }

    /// Whether it says what so many axes are.
    pub fn is_of(self, axes: usize) -> bool {
        match self {
            Self::Nlc | Self::Ncl => axes == 3,
            Self::Nchw | Self::Nhwc => axes == 4,
            Self::NcMore | Self::NMoreC => axes >= 5,
        }
    }

    /// How many axes it has, in words.
    pub fn count_of_axes(self) -> &'static str {
        match self {
            Self::Nlc | Self::Ncl => "3",
            Self::Nchw | Self::Nhwc => "4",
            Self::NcMore | Self::NMoreC => "5 or more",
        }
    }
}

choice!(Layout, "layout");

/// What the axes of a model's arrays are: at most one layout for each number of axes, since maps
/// and tokens may stand side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Layouts {
    /// Of four axes.
    maps: Option<Layout>,
    /// Of three axes.
    tokens: Option<Layout>,
    /// Of five axes and more.
    more: Option<Layout>,
    /// Whether a program said so for whatever arrays come, and not a user for those that there are.
    where_they_fit: bool,
}

impl Layouts {
    /// The layouts that a user named.
    ///
    /// # Errors
    /// [`LayoutError::Twice`]: two of them are of the same number of axes.
    pub fn new(layouts: &[Layout]) -> Result<Self, LayoutError> {
        layouts.iter().try_fold(Self::default(), |mut named, &second| {
            match named.place(second).replace(second) {
                Some(first) => Err(LayoutError::Twice { first, second }),
                None => Ok(named),
            }
        })
    }

    /// The same for whatever arrays come: one that no stage has a use for is not an error, nor is a
    /// number of tokens before the patches.
    pub fn where_they_fit(self) -> Self {
        Self { where_they_fit: true, ..self }
    }

    /// The layout of arrays of so many axes.
    pub fn of(self, axes: usize) -> Option<Layout> {
        self.iter().find(|layout| layout.is_of(axes))
    }

    /// Whether nobody named any.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// These, with another layout for its number of axes.
    fn with(mut self, layout: Layout) -> Self {
        *self.place(layout) = Some(layout);
        self
    }

    /// Where the layout of as many axes stands.
    fn place(&mut self, layout: Layout) -> &mut Option<Layout> {
        match layout {
            Layout::Nchw | Layout::Nhwc => &mut self.maps,
            Layout::Nlc | Layout::Ncl => &mut self.tokens,
            Layout::NcMore | Layout::NMoreC => &mut self.more,
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Layout> {
        [self.maps, self.tokens, self.more].into_iter().flatten()
    }

    /// What says these and another layout, which is right if the axes are those of that one.
    fn say(self, layout: Layout) -> Remedy {
        let layouts = self.with(layout).iter().map(Layout::name).collect();
        Remedy::SayLayouts { layouts, axes: layout.meaning() }
    }
}

impl From<Layout> for Layouts {
    fn from(layout: Layout) -> Self {
        Self::default().with(layout)
    }
}

impl fmt::Display for Layouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.iter().map(Layout::name).collect::<Vec<_>>().join(", "))
    }
}

/// How the arrays of a model are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Which tokens are compared.
    pub tokens: Tokens,
    /// Tokens before the patches at stages that are no feature maps: the class token and registers.
    /// `None` if nobody said: 1 if the number of tokens is a square and one more, 0 if it is a
    /// square, else an error if `tokens` depends on it.
    pub prefix: Option<usize>,
    /// What the axes of arrays are, by how many they have. If nobody said: arrays of one axis are
    /// `[images]`, one channel each, of two `[images, channels]`, of three `[images, tokens,
    /// channels]`; more are an error.
    pub layouts: Layouts,
}

impl From<Tokens> for Reading {
    fn from(tokens: Tokens) -> Self {
        Self { tokens, ..Self::default() }
    }
}

/// How one array is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrayAxes {
    /// How many axes it has: 1 or 2 if there are no tokens, 4 or more if its tokens are the
    /// positions of a feature map.
    pub rank: usize,
    /// Images.
    pub images: usize,
    /// Tokens of an image, positions of a feature map row by row; 1 if there is no such axis.
    pub tokens: usize,
    /// Channels.
    pub channels: usize,
    /// Whether the numbers of an image are `[channels, tokens]`, not `[tokens, channels]`.
    pub channels_first: bool,
    /// Tokens before the patches, fewer than `tokens`. `None` if it is neither known nor needed.
    pub prefix: Option<usize>,
    /// Whether `prefix` was told by the number of tokens alone.
    pub prefix_is_guessed: bool,
}

impl ArrayAxes {
    /// The tokens before the patches, of which the first is the class token; none if that is neither
    /// known nor needed.
    pub(crate) fn before_patches(&self) -> Prefix {
        Prefix::with_class_token(self.prefix.unwrap_or(0))
    }

    /// How many numbers of an image are compared.
    pub(crate) fn compared_numbers(&self, tokens: Tokens) -> u64 {
        tokens.numbers([self.tokens, self.channels], self.before_patches())
    }

    /// What results depend on, as JSON.
    pub(crate) fn recorded(&self) -> Value {
        let Self { rank, tokens, channels, channels_first, prefix, .. } = *self;
        json!({
            "rank": rank,
            "tokens": tokens,
            "channels": channels,
            "channels_first": channels_first,
            "prefix": prefix,
        })
    }
}

/// An array cannot be read as features.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// No axis at all.
    #[error(
        "the shape is {found:?}, expected [images], [images, channels], [images, tokens, \
         channels], or feature maps [images, channels, height, width] with the layout NCHW"
    )]
    Axes {
        /// The sizes of the axes.
        found: Vec<usize>,
    },
    /// An axis has no size.
    #[error("the shape is {found:?}, expected no axis of size 0")]
    Empty {
        /// The sizes of the axes.
        found: Vec<usize>,
    },
    /// Four axes or more, and nobody said which are which.
    #[error(
        "the shape is {found:?}, of {} axes that may be in more than one order",
        if found.len() == 4 { "four".to_owned() } else { found.len().to_string() }
    )]
    Unsaid {
        /// The sizes of the axes.
        found: Vec<usize>,
        /// What was said of other arrays.
        said: Layouts,
    },
    /// Two layouts of as many axes.
    #[error(
        "the layouts {first} and {second} are both of {} axes, expected at most one layout of \
         three axes (`NLC` or `NCL`), one of four (`NCHW` or `NHWC`) and one of more (`NC...` or \
         `N...C`)",
        first.count_of_axes()
    )]
    Twice {
        /// The layout that was named first.
        first: Layout,
        /// The other.
        second: Layout,
    },
    /// The layout is that of other arrays than these.
    #[error(
        "the layout {layout} has no use here: no stage has {} axes; expected none, or that of the \
         arrays",
        layout.count_of_axes()
    )]
    Unused {
        /// The layout.
        layout: Layout,
    },
    /// The number of tokens before the patches has no use.
    #[error(
        "the number of tokens before the patches, {prefix}, has no use here: all stages are \
         feature maps or have one token, and a map has no token before its patches"
    )]
    PrefixUnused {
        /// The number.
        prefix: usize,
    },
    /// Nobody said how many tokens stand before the patches, and their number does not tell.
    #[error(
        "cannot tell which of {tokens} tokens are patches: {tokens} is neither a square (patches \
         alone) nor a square and one (a class token and patches)"
    )]
    Prefix {
        /// Tokens of an image.
        tokens: usize,
    },
    /// No token is left for a patch.
    #[error(
        "{prefix} tokens are said to stand before the patches, but there are only {tokens} \
         tokens, expected fewer than {tokens}"
    )]
    NoPatch {
        /// Tokens before the patches.
        prefix: usize,
        /// Tokens of an image.
        tokens: usize,
    },
    /// A feature map has no class token.
    #[error(
        "the class token was asked for, but a feature map has none; choose the tokens `patches` or \
         `all` for its positions, or `mean` for their average"
    )]
    ClassOfMap,
    /// There is no class token.
    #[error(
        "the class token was asked for, but it is said that no token stands before the patches"
    )]
    NoClass,
    /// A feature map has no registers.
    #[error(
        "the registers were asked for, but a feature map has none; choose the tokens `patches` or \
         `all` for its positions, or `mean` for their average"
    )]
    RegistersOfMap,
    /// There are no registers.
    #[error(
        "the registers were asked for, but of {tokens} tokens {prefix} stand{} before the patches; \
         expected at least 2: a class token and a register",
        if *prefix == 1 { "s" } else { "" }
    )]
    NoRegisters {
        /// Tokens before the patches.
        prefix: usize,
        /// Tokens of an image.
        tokens: usize,
    },
    /// The number of tokens tells of no class token.
    #[error("the class token was asked for, but {tokens} tokens are a square: patches alone")]
    NoClassIn {
        /// Tokens of an image.
        tokens: usize,
    },
}

impl LayoutError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Unsaid { found, said } => match found.len() {
                4 => vec![said.say(Layout::Nchw), said.say(Layout::Nhwc)],
                _ => vec![said.say(Layout::NcMore), said.say(Layout::NMoreC)],
            },
            Self::PrefixUnused { .. } => vec![Remedy::LeaveOut(Choice::Prefix)],
            Self::Prefix { .. } | Self::NoRegisters { .. } => vec![Remedy::SayPrefix],
            Self::NoClassIn { .. } => vec![Remedy::SayClassToken],
            _ => vec![],
        }
    }
}

impl Reading {
    /// How an array whose axes have the sizes `shape` is read.
    ///
    /// # Errors
    /// See [`LayoutError`].
    pub fn of(&self, shape: &[usize]) -> Result<ArrayAxes, LayoutError> {
        let found = || shape.to_vec();
        if shape.contains(&0) {
            return Err(LayoutError::Empty { found: found() });
        }
        let layout = self.layouts.of(shape.len());
        let (images, tokens, channels, channels_first) = match (shape, layout) {
            (&[n], _) => (n, 1, 1, false),
            (&[n, c], _) => (n, 1, c, false),
            (&[n, c, l], Some(Layout::Ncl)) => (n, l, c, true),
            (&[n, l, c], _) => (n, l, c, false),
            (&[n, c, h, w], Some(Layout::Nchw)) => (n, h * w, c, true),
            (&[n, c, ref others @ ..], Some(Layout::NcMore)) => {
                (n, others.iter().product(), c, true)
            }
            (&[n, ref others @ .., c], Some(_)) => (n, others.iter().product(), c, false),
            ([], _) => return Err(LayoutError::Axes { found: found() }),
            (_, None) => return Err(LayoutError::Unsaid { found: found(), said: self.layouts }),
        };
        let (prefix, prefix_is_guessed) = self.prefix(tokens, shape.len() >= 4)?;
        // One row of numbers is the same in both orders.
        let channels_first = channels_first && tokens > 1 && channels > 1;
        let rank = shape.len();
        Ok(ArrayAxes { rank, images, tokens, channels, channels_first, prefix, prefix_is_guessed })
    }

    /// How many of so many tokens stand before the patches, if that is known, and whether it is
    /// guessed.
    fn prefix(&self, tokens: usize, is_map: bool) -> Result<(Option<usize>, bool), LayoutError> {
        let class = self.tokens == Tokens::Class;
        let registers = self.tokens == Tokens::Registers;
        if class && self.prefix == Some(0) {
            return Err(LayoutError::NoClass);
        }
        let (prefix, is_guessed) = match self.prefix {
            _ if is_map && class => Err(LayoutError::ClassOfMap),
            _ if is_map && registers => Err(LayoutError::RegistersOfMap),
            _ if is_map || tokens == 1 => Ok((Some(0), false)),
            Some(prefix) if prefix >= tokens => Err(LayoutError::NoPatch { prefix, tokens }),
            Some(prefix) => Ok((Some(prefix), false)),
            None if self.tokens == Tokens::All => Ok((None, false)),
            None if is_square(tokens) && class => Err(LayoutError::NoClassIn { tokens }),
            None if is_square(tokens) => Ok((Some(0), true)),
            None if is_square(tokens - 1) => Ok((Some(1), true)),
            None => Err(LayoutError::Prefix { tokens }),
        }?;
        match prefix {
            Some(prefix @ (0 | 1)) if registers && tokens > 1 => {
                Err(LayoutError::NoRegisters { prefix, tokens })
            }
            prefix => Ok((prefix, is_guessed)),
        }
    }

    /// Refuses a layout or a number of tokens that has no use for any of a model's stages.
    ///
    /// # Errors
    /// [`LayoutError::Unused`] or [`LayoutError::PrefixUnused`].
    pub(crate) fn check_used(&self, arrays: &[(Stage, ArrayAxes)]) -> Result<(), LayoutError> {
        if self.layouts.where_they_fit {
            return Ok(());
        }
        let is_unused = |layout: &Layout| !arrays.iter().any(|(_, axes)| layout.is_of(axes.rank));
        if let Some(layout) = self.layouts.iter().find(is_unused) {
            return Err(LayoutError::Unused { layout });
        }
        let has_prefix = |axes: &ArrayAxes| axes.rank == 3 && axes.tokens > 1;
        match self.prefix {
            Some(prefix) if prefix > 0 && !arrays.iter().any(|(_, axes)| has_prefix(axes)) => {
                Err(LayoutError::PrefixUnused { prefix })
            }
            _ => Ok(()),
        }
    }

    /// What the user must know of how the arrays of a model's stages are read: of tokens that were
    /// taken for class token and patches though nobody said so.
    pub(crate) fn notes(&self, model: &str, arrays: &[(Stage, ArrayAxes)]) -> Vec<Advice> {
        let guessed = arrays.iter().filter(|(_, axes)| axes.prefix_is_guessed);
        let mut told: Vec<usize> = Vec::new();
        let mut notes = Vec::new();
        for (stage, axes) in guessed {
            if told.contains(&axes.tokens) {
                continue;
            }
            told.push(axes.tokens);
            let taken = match axes.prefix {
                Some(1) => "the first is taken for the class token, the others for patches",
                _ => "all are taken for patches, none for a class token",
            };
            let text = format!("{model} has {} tokens at {stage}: {taken}", axes.tokens);
            notes.push(Advice { text, remedies: vec![Remedy::SayOtherPrefix] });
        }
        notes
    }

    /// What is probably wrong with how the arrays of a model's stages are read: axes that look
    /// exchanged, told once for each layout that is likelier.
    pub(crate) fn warnings(&self, model: &str, arrays: &[(Stage, Vec<usize>)]) -> Vec<Advice> {
        let likelier = arrays.iter().map(|(_, shape)| self.likelier_layout(shape));
        let suspicious: Vec<_> = arrays.iter().zip(likelier).collect();
        let warning = |better: Layout| {
            let mut alike = suspicious.iter().filter(|(_, found)| *found == Some(better));
            let ((stage, shape), _) = alike.next()?;
            self.warning(&format!("{model} at {stage}"), shape, better, alike.count())
        };
        Layout::ALL.into_iter().filter_map(warning).collect()
    }

    /// What is probably wrong with an array of this shape, and with those of `more` other stages.
    fn warning(&self, stage: &str, shape: &[usize], better: Layout, more: usize) -> Option<Advice> {
        let more = match more {
            0 => String::new(),
            1 => " and at 1 more stage".to_owned(),
            more => format!(" and at {more} more stages"),
        };
        let axes = self.of(shape).ok()?;
        let said = self.layouts.of(shape.len());
        let by = said.map_or(String::new(), |said| format!(" by the layout {said}"));
        let text = format!(
            "the axes of {stage}{more} look exchanged: the shape {shape:?} is read{by} as {} \
             tokens of {} channels",
            axes.tokens, axes.channels,
        );
        let mut remedies = vec![self.layouts.say(better)];
        if said.is_none() {
            remedies.push(self.layouts.say(Layout::Nlc));
        }
        Some(Advice { text, remedies })
    }

    /// Another layout that an array of this shape more likely has.
    fn likelier_layout(&self, shape: &[usize]) -> Option<Layout> {
        match (shape, self.layouts.of(shape.len())) {
            // Whoever names the layout of tokens knows it.
            (_, Some(Layout::Nlc | Layout::Ncl)) => None,
            (&[_, tokens, channels], _) if tokens > 1 => {
                let exchanged = match tokens > channels {
                    true => is_grid(channels) && (!is_grid(tokens) || channels % 8 != 0),
                    false => is_usual_grid(channels),
                };
                exchanged.then_some(Layout::Ncl)
            }
            // Maps are square where images are.
            (&[_, a, b, c], Some(Layout::Nchw)) if b != c && a == b => Some(Layout::Nhwc),
            (&[_, a, b, c], Some(Layout::Nhwc)) if a != b && b == c => Some(Layout::Nchw),
            _ => None,
        }
    }
}

impl ArrayAxes {
    /// The numbers of an image as `[tokens, channels]`.
    ///
    /// `image` — `[tokens, channels]`, or `[channels, tokens]` if channels come first
    ///
    /// # Panics
    /// A slice is of another length.
    pub(crate) fn write_image(&self, image: &[f32], out: &mut [f32]) {
        let Self { tokens, channels, .. } = *self;
        assert_eq!(image.len(), tokens * channels, "an image");
        if !self.channels_first {
            out.copy_from_slice(image);
            return;
        }
        assert_eq!(out.len(), image.len(), "an image");
        // Some tokens at a time, so that what is written stays near the processor.
        // [channels, tokens] -> [tokens, channels]
        for (block, out) in out.chunks_mut(TOKENS_AT_A_TIME * channels).enumerate() {
            let first = block * TOKENS_AT_A_TIME;
            for (channel, row) in image.chunks_exact(tokens).enumerate() {
                for (out, value) in out.chunks_exact_mut(channels).zip(&row[first..]) {
                    out[channel] = *value;
                }
            }
        }
    }
}

/// Tokens whose numbers are exchanged at a time.
const TOKENS_AT_A_TIME: usize = 16;

/// Whether so many tokens are the patches of a square image.
fn is_square(tokens: usize) -> bool {
    tokens.isqrt().pow(2) == tokens
}

/// Whether a number is one of tokens of a square image, with or without a class token.
fn is_grid(number: usize) -> bool {
    number >= 4 && (is_square(number) || is_square(number - 1))
}

/// Whether a number is one of tokens of an image of 224 pixels a side, and hardly one of channels.
fn is_usual_grid(number: usize) -> bool {
    is_grid(number) && number >= 196 && number.isqrt().is_multiple_of(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(tokens: Tokens, prefix: Option<usize>, layout: Option<Layout>) -> Reading {
        let layouts = layout.map(Layouts::from).unwrap_or_default();
        Reading { tokens, prefix, layouts }
    }

    fn prefix(tokens: Tokens, said: Option<usize>, count: usize) -> Result<usize, String> {
        let axes = reading(tokens, said, None).of(&[3, count, 8]).map_err(|e| e.to_string())?;
        Ok(axes.prefix.expect("known"))
    }

    #[test]
    fn the_number_of_tokens_tells_of_a_class_token_or_it_must_be_said() {
        for chosen in [Tokens::Patches, Tokens::Mean] {
            for side in 2..40 {
                assert_eq!(prefix(chosen, None, side * side), Ok(0));
                assert_eq!(prefix(chosen, None, side * side + 1), Ok(1));
            }
            // One class token and one patch.
            assert_eq!(prefix(chosen, None, 2), Ok(1));
            // A class token, four registers and patches; no square grids; too few.
            for count in [1 + 4 + 196, 1 + 4 + 256, 2 + 196, 14 * 10, 1 + 14 * 10, 3, 768] {
                let error = prefix(chosen, None, count).expect_err("it must be said");
                assert!(error.contains(&format!("which of {count} tokens")), "{error}");
            }
            assert_eq!(prefix(chosen, Some(5), 201), Ok(5));
            assert_eq!(prefix(chosen, Some(0), 140), Ok(0));
            assert_eq!(prefix(chosen, Some(1), 141), Ok(1));
            // What is said counts, though the number tells something else.
            assert_eq!(prefix(chosen, Some(1), 196), Ok(1));
            for said in [201, 202, usize::MAX] {
                assert!(prefix(chosen, Some(said), 201).is_err(), "{said}");
            }
        }
        assert_eq!(prefix(Tokens::Class, None, 197), Ok(1));
        assert_eq!(prefix(Tokens::Class, Some(5), 201), Ok(5));
        assert_eq!(prefix(Tokens::Registers, Some(5), 201), Ok(5));
        for (said, count, part) in [
            (Some(1), 197, "of 197 tokens 1 stands before the patches"),
            (None, 197, "of 197 tokens 1 stands before the patches"),
            (Some(0), 196, "of 196 tokens 0 stand before the patches"),
            (None, 201, "which of 201 tokens are patches"),
        ] {
            let error = prefix(Tokens::Registers, said, count).expect_err("refused");
            assert!(error.contains(part), "{error}");
        }
        for (said, count, part) in [
            (None, 196, "a square"),
            (None, 201, "which of 201 tokens"),
            (Some(0), 197, "no token stands before"),
            (Some(0), 1, "no token stands before"),
        ] {
            let error = prefix(Tokens::Class, said, count).expect_err("refused");
            assert!(error.contains(part), "{error}");
        }
        // All tokens need no knowledge of them, and one token is always that one.
        assert_eq!(reading(Tokens::All, None, None).of(&[3, 201, 8]).map(|a| a.prefix), Ok(None));
        for chosen in Tokens::ALL {
            for said in [None, Some(5)] {
                for shape in [&[3, 1, 8][..], &[3, 8]] {
                    let axes = reading(chosen, said, None).of(shape).expect("one token");
                    assert_eq!((axes.tokens, axes.prefix), (1, Some(0)));
                }
            }
        }
    }

    #[test]
    fn axes_are_what_is_said_of_them() {
        let axes = |layout: Option<Layout>, shape: &[usize]| {
            let axes = reading(Tokens::All, None, layout).of(shape).map_err(|e| e.to_string())?;
            Ok::<_, String>((axes.images, axes.tokens, axes.channels, axes.channels_first))
        };
        assert_eq!(axes(None, &[5, 7]), Ok((5, 1, 7, false)));
        assert_eq!(axes(None, &[5, 6, 7]), Ok((5, 6, 7, false)));
        assert_eq!(axes(Some(Layout::Nlc), &[5, 6, 7]), Ok((5, 6, 7, false)));
        assert_eq!(axes(Some(Layout::Ncl), &[5, 6, 7]), Ok((5, 7, 6, true)));
        assert_eq!(axes(Some(Layout::Nchw), &[5, 6, 2, 3]), Ok((5, 6, 6, true)));
        assert_eq!(axes(Some(Layout::Nhwc), &[5, 2, 3, 6]), Ok((5, 6, 6, false)));
        assert_eq!(axes(None, &[5]), Ok((5, 1, 1, false)));
        assert_eq!(axes(Some(Layout::NcMore), &[5, 7, 2, 3, 4]), Ok((5, 24, 7, true)));
        assert_eq!(axes(Some(Layout::NMoreC), &[5, 2, 3, 4, 7]), Ok((5, 24, 7, false)));
        assert_eq!(axes(Some(Layout::NMoreC), &[5, 2, 3, 1, 4, 7]), Ok((5, 24, 7, false)));
        // A layout of other arrays says nothing of these.
        assert_eq!(axes(Some(Layout::Nchw), &[5, 6, 7]), Ok((5, 6, 7, false)));
        assert_eq!(axes(Some(Layout::Nchw), &[5, 7]), Ok((5, 1, 7, false)));
        for (layout, shape, part) in [
            (None, &[5, 6, 2, 3][..], "of four axes"),
            (Some(Layout::Ncl), &[5, 6, 2, 3], "of four axes"),
            (None, &[], "expected [images]"),
            (Some(Layout::Nchw), &[5, 1, 6, 2, 3], "of 5 axes"),
            (None, &[5, 1, 6, 2, 3, 2], "of 6 axes"),
            (Some(Layout::Nchw), &[5, 6, 0, 3], "no axis of size 0"),
            (None, &[0, 6], "no axis of size 0"),
            (None, &[5, 0, 6], "no axis of size 0"),
        ] {
            let error = axes(layout, shape).expect_err("refused");
            assert!(error.contains(part), "{shape:?}: {error}");
        }
    }

    #[test]
    fn a_map_has_positions_and_no_class_token() {
        for layout in [Layout::Nchw, Layout::Nhwc] {
            for said in [None, Some(5)] {
                for chosen in [Tokens::All, Tokens::Patches, Tokens::Mean] {
                    let axes =
                        reading(chosen, said, Some(layout)).of(&[2, 2, 3, 2]).expect("a map");
                    assert_eq!((axes.tokens, axes.prefix), (6, Some(0)));
                }
                for shape in [[2, 8, 7, 7], [2, 8, 1, 1]] {
                    let error = reading(Tokens::Class, said, Some(layout)).of(&shape);
                    assert_eq!(error, Err(LayoutError::ClassOfMap));
                }
            }
        }
    }

    #[test]
    fn what_is_said_in_vain_is_refused() {
        let check = |reading: Reading, shapes: &[&[usize]]| {
            let stage = Stage::Projection;
            let arrays = shapes.iter().map(|shape| (stage, reading.of(shape).expect("read")));
            reading.check_used(&arrays.collect::<Vec<_>>())
        };
        let of = |prefix, layout| reading(Tokens::All, prefix, layout);
        let map = Some(Layout::Nchw);
        assert_eq!(check(of(None, map), &[&[2, 3, 4, 4], &[2, 3]]), Ok(()));
        assert_eq!(check(of(Some(1), map), &[&[2, 3, 4, 4], &[2, 5, 3]]), Ok(()));
        assert!(check(of(None, map), &[&[2, 5, 3], &[2, 3]]).is_err());
        assert!(check(of(None, Some(Layout::Nlc)), &[&[2, 3]]).is_err());
        assert!(check(of(Some(1), map), &[&[2, 3, 4, 4], &[2, 3], &[2, 1, 3]]).is_err());
        // That there is none is true of maps.
        assert_eq!(check(of(Some(0), map), &[&[2, 3, 4, 4]]), Ok(()));
    }

    /// The layouts that remedies name.
    fn said(remedies: &[Remedy]) -> Vec<Vec<&'static str>> {
        let of = |remedy: &Remedy| match remedy {
            Remedy::SayLayouts { layouts, .. } => layouts.clone(),
            other => panic!("{other:?}"),
        };
        remedies.iter().map(of).collect()
    }

    #[test]
    fn exchanged_axes_are_suspected_and_usual_ones_are_not() {
        let likelier =
            |layout, shape: &[usize]| reading(Tokens::All, None, layout).likelier_layout(shape);
        for (layout, shape, expected) in [
            // Of ViTs and of maps of networks, channels before tokens.
            (None, &[9, 768, 197][..], Some(Layout::Ncl)),
            (None, &[9, 768, 196], Some(Layout::Ncl)),
            (None, &[9, 1024, 257], Some(Layout::Ncl)),
            (None, &[9, 2048, 49], Some(Layout::Ncl)),
            (None, &[9, 256, 196], Some(Layout::Ncl)),
            (None, &[9, 64, 3136], Some(Layout::Ncl)),
            (Some(Layout::Nchw), &[9, 14, 14, 768], Some(Layout::Nhwc)),
            (Some(Layout::Nhwc), &[9, 768, 14, 14], Some(Layout::Nchw)),
            // As they are.
            (None, &[9, 768], None),
            (None, &[9, 1, 784], None),
            (None, &[9, 50, 768], None),
            (None, &[9, 197, 192], None),
            (None, &[9, 201, 192], None),
            (None, &[9, 577, 384], None),
            (None, &[9, 257, 1024], None),
            (None, &[9, 1374, 768], None),
            (None, &[9, 3136, 96], None),
            (None, &[9, 4096, 64], None),
            (None, &[9, 196, 1024], None),
            (Some(Layout::Nlc), &[9, 768, 197], None),
            (Some(Layout::Ncl), &[9, 768, 197], None),
            (Some(Layout::Nchw), &[9, 768, 14, 14], None),
            (Some(Layout::Nchw), &[9, 14, 14, 14], None),
            (Some(Layout::Nhwc), &[9, 14, 10, 768], None),
        ] {
            assert_eq!(likelier(layout, shape), expected, "{shape:?}");
        }
        let arrays =
            [[9, 768, 197], [9, 768, 197], [9, 50, 768]].map(|s| (Stage::Block(2), s.into()));
        let [warning] = &Reading::default().warnings("vit", &arrays)[..] else { panic!("one") };
        let Advice { text, remedies } = warning;
        assert!(text.contains("block 2 and at 1 more stage"), "{text}");
        assert!(text.contains("768 tokens of 197 channels"), "{text}");
        assert_eq!(said(remedies), [&["NCL"][..], &["NLC"]]);
    }

    #[test]
    fn maps_and_tokens_have_a_layout_each() {
        use Layout::{NMoreC, NcMore, Nchw, Ncl, Nhwc, Nlc};
        let more = Layouts::new(&[Ncl, NcMore]).expect("of three axes and of more");
        assert_eq!(
            (more.of(6), more.of(4), more.to_string()),
            (Some(NcMore), None, "NCL, NC...".into())
        );
        let both = Layouts::new(&[Ncl, Nchw]).expect("of three and of four axes");
        assert_eq!(both, Layouts::new(&[Nchw, Ncl]).expect("in either order"));
        assert_eq!(both.to_string(), "NCHW, NCL");
        assert_eq!((both.of(4), both.of(3), both.of(2)), (Some(Nchw), Some(Ncl), None));
        assert!(Layouts::new(&[]).expect("none").is_empty() && !both.is_empty());
        for [first, second] in [[Nchw, Nhwc], [Nlc, Ncl], [Ncl, Ncl], [NMoreC, NcMore]] {
            let error = Layouts::new(&[first, second]);
            assert_eq!(error, Err(LayoutError::Twice { first, second }));
        }
        let reading = Reading { layouts: both, ..Reading::default() };
        let map = reading.of(&[5, 6, 2, 3]).expect("a map");
        assert_eq!((map.tokens, map.channels), (6, 6));
        let tokens = reading.of(&[5, 6, 7]).expect("tokens");
        assert_eq!((tokens.tokens, tokens.channels), (7, 6));
        // Each of them is of use.
        let check = |arrays: &[(Stage, ArrayAxes)]| reading.check_used(arrays);
        assert_eq!(check(&[(Stage::Embedding, map), (Stage::Block(1), tokens)]), Ok(()));
        assert_eq!(check(&[(Stage::Embedding, map)]), Err(LayoutError::Unused { layout: Ncl }));
        assert_eq!(check(&[(Stage::Block(1), tokens)]), Err(LayoutError::Unused { layout: Nchw }));
    }

    #[test]
    fn what_a_warning_or_an_error_advises_beside_other_arrays_can_be_done() {
        let reading = |layout: Layout| Reading { layouts: layout.into(), ..Reading::default() };
        let maps = (Stage::Block(1), vec![9, 8, 14, 14]);
        let tokens = (Stage::Block(2), vec![9, 768, 197]);
        let found = reading(Layout::Nchw).warnings("cnn", &[maps.clone(), tokens.clone()]);
        let [warning] = &found[..] else { panic!("{found:?}") };
        assert_eq!(said(&warning.remedies), [["NCHW", "NCL"], ["NCHW", "NLC"]]);
        for layout in [Layout::Ncl, Layout::Nlc] {
            let layouts = Layouts::new(&[Layout::Nchw, layout]).expect("one each");
            let reading = Reading { layouts, ..Reading::default() };
            assert!(reading.warnings("cnn", &[maps.clone(), tokens.clone()]).is_empty());
        }
        // Both look exchanged: each has its own advice; that of maps cannot be said twice.
        let found = reading(Layout::Nhwc).warnings("cnn", &[maps.clone(), tokens]);
        let [of_maps, of_tokens] = &found[..] else { panic!("{found:?}") };
        assert!(of_maps.text.contains("by the layout NHWC"), "{}", of_maps.text);
        assert_eq!(said(&of_maps.remedies), [["NCHW"]]);
        assert_eq!(said(&of_tokens.remedies), [["NHWC", "NCL"], ["NHWC", "NLC"]]);
        let error = reading(Layout::Ncl).of(&maps.1).expect_err("unsaid");
        assert_eq!(said(&error.remedies()), [["NCHW", "NCL"], ["NHWC", "NCL"]]);
    }

    #[test]
    fn channels_before_tokens_are_exchanged_with_them() {
        for (tokens, channels) in [(1, 5), (5, 1), (3, 4), (16, 7), (17, 7), (49, 33), (100, 2)] {
            let axes = reading(Tokens::All, None, Some(Layout::Ncl)).of(&[1, channels, tokens]);
            let axes = axes.expect("read");
            let image: Vec<f32> = (0..tokens * channels).map(|i| i as f32).collect();
            let mut out = vec![0.0; image.len()];
            axes.write_image(&image, &mut out);
            for (i, value) in out.iter().enumerate() {
                let (token, channel) = (i / channels, i % channels);
                assert_eq!(*value, image[channel * tokens + token], "{tokens} × {channels}");
            }
        }
    }
}
