//! The same colour for a model everywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::metric::MetricKind;
use crate::model_spec::{DreamSim, Specs};

/// Red, green and blue, 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Color(pub [u8; 3]);

/// A text that is no colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a colour, expected `#rrggbb` such as `#0a50a0`")]
pub struct NoColor(pub String);

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        f.pad(&format!("#{r:02x}{g:02x}{b:02x}"))
    }
}

impl FromStr for Color {
    type Err = NoColor;

    fn from_str(text: &str) -> Result<Self, NoColor> {
        let wrong = || NoColor(text.to_owned());
        let digits = text.strip_prefix('#').ok_or_else(wrong)?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let part = |i: usize| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16);
        let [r, g, b] = [0, 1, 2].map(part);
        Ok(Self([r.map_err(|_| wrong())?, g.map_err(|_| wrong())?, b.map_err(|_| wrong())?]))
    }
}

/// The study's models: a colour for white paper (contrast ≥ 3) and one for a dark page (≥ 4).
///
/// Found by a search from the hues of Okabe and Ito (2008) that makes the least difference of any two
/// as large as it can be, for normal sight and for each kind of colour blindness (Machado, Oliveira and
/// Fernandes 2009): 0.088 in OKLab.
const MODELS: [(&str, Color, Color); 7] = [
    ("openai/clip-vit-base-patch32", Color([6, 81, 155]), Color([83, 139, 255])),
    ("openai/clip-vit-base-patch16", Color([52, 147, 225]), Color([142, 208, 255])),
    ("openai/clip-vit-large-patch14", Color([5, 127, 88]), Color([59, 197, 137])),
    ("openai/clip-vit-large-patch14-336", Color([204, 134, 0]), Color([253, 197, 45])),
    ("google/siglip-base-patch16-224", Color([206, 55, 0]), Color([255, 116, 16])),
    ("OFA-Sys/chinese-clip-vit-base-patch16", Color([170, 111, 159]), Color([154, 160, 207])),
    (
        "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        Color([112, 20, 74]),
        Color([194, 83, 147]),
    ),
];

/// Models that are not of the study take these, in the order in which a run names them.
const OTHERS: [Color; 6] = [
    Color([51, 34, 136]),
    Color([17, 119, 51]),
    Color([138, 128, 20]),
    Color([170, 68, 153]),
    Color([102, 51, 0]),
    Color([0, 85, 102]),
];

/// Baselines: dark tones; tones and dashes tell them apart.
const BASELINES: [(MetricKind, Color, [u32; 2]); 10] = [
    (MetricKind::Ssim, Color([20, 20, 20]), [16, 4]),
    (MetricKind::SsimMatlab, Color([95, 95, 95]), [10, 4]),
    (MetricKind::SsimMatlabDownsampled, Color([135, 135, 135]), [5, 4]),
    (MetricKind::SsimRgb, Color([60, 60, 120]), [10, 4]),
    (MetricKind::MsSsim, Color([95, 60, 110]), [3, 4]),
    (MetricKind::Psnr, Color([140, 140, 140]), [16, 4]),
    (MetricKind::LpipsAlex, Color([120, 72, 0]), [16, 4]),
    (MetricKind::LpipsVgg, Color([165, 105, 25]), [9, 4]),
    (MetricKind::LpipsSqueeze, Color([95, 35, 0]), [4, 4]),
    (MetricKind::PerceptNet, Color([0, 92, 92]), [12, 5]),
];

/// The same for the distances of DreamSim.
const DREAMSIM: [(DreamSim, Color, [u32; 2]); 8] = [
    (DreamSim::Ensemble, Color([88, 20, 60]), [16, 4]),
    (DreamSim::DinoVitb16, Color([130, 40, 90]), [10, 4]),
    (DreamSim::DinoVitb16Patch, Color([130, 40, 90]), [4, 4]),
    (DreamSim::Dinov2Vitb14, Color([60, 50, 110]), [10, 4]),
    (DreamSim::Dinov2Vitb14Patch, Color([60, 50, 110]), [4, 4]),
    (DreamSim::ClipVitb32, Color([20, 70, 110]), [10, 4]),
    (DreamSim::OpenClipVitb32, Color([30, 95, 70]), [10, 4]),
    (DreamSim::SynclrVitb16, Color([110, 85, 20]), [10, 4]),
];

/// Stages of a series, from the first to the last: parts of the scale *plasma* of matplotlib, which grows
/// lighter for every sight, the last two darker for their contrast on white.
pub(super) const STAGES: [Color; 5] = [
    Color([13, 8, 135]),
    Color([99, 0, 167]),
    Color([165, 31, 153]),
    Color([208, 74, 108]),
    Color([222, 118, 35]),
];

/// The scale *cividis* of matplotlib, at seventeen equal steps: dark to light alike for normal and for
/// colour-blind sight (Nuñez, Anderton and Renslow 2018).
const SCALE: [Color; 17] = [
    Color([0, 34, 78]),
    Color([0, 46, 106]),
    Color([26, 56, 111]),
    Color([50, 67, 109]),
    Color([67, 78, 108]),
    Color([83, 90, 109]),
    Color([97, 101, 111]),
    Color([111, 112, 115]),
    Color([125, 124, 120]),
    Color([140, 136, 120]),
    Color([155, 148, 118]),
    Color([171, 160, 114]),
    Color([188, 174, 108]),
    Color([205, 187, 99]),
    Color([222, 201, 88]),
    Color([240, 216, 70]),
    Color([254, 232, 56]),
];

/// Colour and dashes of a baseline's line, by its name.
fn baseline(name: &str) -> Option<(Color, [u32; 2])> {
    let metrics = BASELINES.iter().map(|(metric, color, dashes)| (metric.name(), *color, *dashes));
    let dreamsim = DREAMSIM.iter().map(|(model, color, dashes)| (model.name(), *color, *dashes));
    let mut all = metrics.chain(dreamsim);
    all.find(|(found, ..)| *found == name).map(|(_, color, dashes)| (color, dashes))
}

const PIXELS: Color = Color([90, 90, 90]);
/// People: the line of the ceiling.
pub(super) const PEOPLE: Color = Color([0, 0, 0]);
/// A line that the reader must not miss.
pub(super) const ALERT: Color = Color([176, 0, 32]);
/// Axes and text.
pub(super) const INK: Color = Color([40, 40, 40]);
/// Lines of the grid.
pub(super) const GRID: Color = Color([224, 224, 224]);
/// The bands behind image, embedding and projection.
pub(super) const BANDS: [Color; 2] = [Color([232, 232, 232]), Color([244, 244, 244])];
/// The line of chance.
pub(super) const CHANCE: Color = Color([110, 110, 110]);
/// What stands behind a page in the dark.
const DARK_PAGE: Color = Color([20, 23, 28]);

/// Which model has which colour in a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Palette {
    chosen: BTreeMap<String, Color>,
    others: Vec<String>,
    specs: Specs,
}

impl Palette {
    /// The palette of a run whose results name `models` in this order; `chosen` goes before all else. A control
    /// has the colour of its model, unless one is chosen for it by its own name.
    pub fn new<'a>(
        models: impl IntoIterator<Item = &'a str>,
        chosen: &BTreeMap<String, Color>,
    ) -> Self {
        Self::of_run(models, chosen, Specs::default())
    }

    /// As [`new`](Self::new), where names of models do not say what the models are.
    pub fn of_run<'a>(
        models: impl IntoIterator<Item = &'a str>,
        chosen: &BTreeMap<String, Color>,
        specs: Specs,
    ) -> Self {
        let mut palette = Self { chosen: chosen.clone(), others: Vec::new(), specs };
        // A colour chosen for a model by its name is also that of its controls.
        for (model, color) in chosen.iter().filter(|(model, _)| !palette.specs.is_control(model)) {
            let base = palette.specs.base_of(model).to_owned();
            palette.chosen.entry(base).or_insert(*color);
        }
        for model in models {
            let base = palette.specs.base_of(model);
            if palette.fixed(model).is_none() && !palette.others.iter().any(|o| o == base) {
                let base = base.to_owned();
                palette.others.push(base);
            }
        }
        palette
    }

    /// What the models are.
    pub(super) fn specs(&self) -> &Specs {
        &self.specs
    }

    /// The colour of a model on white, and on a dark page.
    pub fn color(&self, model: &str) -> (Color, Color) {
        self.fixed(model).unwrap_or_else(|| {
            let base = self.specs.base_of(model);
            let order = self.others.iter().position(|o| o == base).unwrap_or(0);
            let color = OTHERS[order % OTHERS.len()];
            color.tone()
        })
    }

    fn fixed(&self, model: &str) -> Option<(Color, Color)> {
        let base = self.specs.base_of(model);
        let simple = Color::tone;
        if let Some(color) = self.chosen.get(model).or_else(|| self.chosen.get(base)) {
            return Some(simple(*color));
        }
        if model == "pixels" {
            return Some(simple(PIXELS));
        }
        // Which LPIPS the study published is not known.
        let model = if model == "lpips" { MetricKind::LpipsAlex.name() } else { model };
        if let Some((color, _)) = baseline(model) {
            return Some(simple(color));
        }
        MODELS.iter().find(|(id, _, _)| *id == base).map(|(_, light, dark)| (*light, *dark))
    }
}

/// The colour of a stage of a series, by its place among those that are shown.
pub(super) fn stage_tone(place: usize) -> (Color, Color) {
    STAGES[place % STAGES.len()].tone()
}

/// The colour of a share from 0 to 1 on a scale from dark to light.
pub(super) fn on_scale(share: f64) -> Color {
    let along = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let below = (along as usize).min(SCALE.len() - 2);
    let part = along - below as f64;
    let [Color(low), Color(high)] = [SCALE[below], SCALE[below + 1]];
    let mixed = |i: usize| {
        (f64::from(low[i]) + part * (f64::from(high[i]) - f64::from(low[i]))).round() as u8
    };
    Color([0, 1, 2].map(mixed))
}

impl Color {
    /// The colour on white and on a dark page.
    pub(super) fn tone(self) -> (Self, Self) {
        (self, self.for_dark())
    }

    /// The same hue with so much white that it stands out on a dark page: contrast ≥ 4.
    fn for_dark(self) -> Self {
        let lighter = |part: u32| {
            Self(self.0.map(|v| (u32::from(v) + (255 - u32::from(v)) * part / 20) as u8))
        };
        let mut shades = (0..=20).map(lighter);
        shades.find(|c| c.contrast(DARK_PAGE) >= 4.0).unwrap_or(Self([255; 3]))
    }

    /// Contrast of two colours, 1 to 21, as WCAG 2.1 defines it.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn linear(self) -> [f64; 3] {
        self.0.map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
        })
    }
}

/// Lengths of dash and gap of a baseline's line, for a text of 15 units.
pub(crate) fn baseline_dashes(name: &str) -> [u32; 2] {
    baseline(name).map_or([10, 3], |(_, dashes)| dashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulated dichromacy of linear RGB, severity 1 (Machado et al. 2009, table 1).
    const SIGHTS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    fn times(m: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
        m.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
    }

    fn oklab(linear: [f64; 3]) -> [f64; 3] {
        let to_cones = [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ];
        let to_lab = [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ];
        times(to_lab, times(to_cones, linear.map(|v| v.clamp(0.0, 1.0))).map(libm::cbrt))
    }

    #[test]
    fn the_studys_models_differ_for_everyone_on_white_and_in_the_dark() {
        for pick in [|m: &(&str, Color, Color)| m.1, |m: &(&str, Color, Color)| m.2] {
            for sight in SIGHTS {
                let seen: Vec<_> =
                    MODELS.iter().map(|m| oklab(times(sight, pick(m).linear()))).collect();
                for (i, a) in seen.iter().enumerate() {
                    for (j, b) in seen.iter().enumerate().skip(i + 1) {
                        let d: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
                        assert!(d.sqrt() > 0.08, "{} and {}: {d}", MODELS[i].0, MODELS[j].0);
                    }
                }
            }
        }
        for (id, light, dark) in MODELS {
            assert!(light.contrast(Color([255; 3])) >= 3.0, "{id}");
            assert!(dark.contrast(DARK_PAGE) >= 4.0, "{id}");
        }
    }

    #[test]
    fn the_scale_grows_lighter_for_every_sight_and_stages_are_seen_on_white() {
        for sight in SIGHTS {
            let light = |i: i32| oklab(times(sight, on_scale(f64::from(i) / 64.0).linear()))[0];
            // Cividis is dark to light; rounding to bytes may hide a small step.
            assert!((1..=64).all(|i| light(i) > light(i - 1) - 1e-3), "{sight:?}");
            assert!(light(64) - light(0) > 0.5);
        }
        assert_eq!([0.0, 1.0, -1.0, 2.0].map(on_scale), [0, 16, 0, 16].map(|i| SCALE[i]));
        assert!(STAGES.iter().all(|stage| stage.contrast(Color([255; 3])) >= 3.0));
    }

    #[test]
    fn a_model_keeps_its_colour_whatever_stands_beside_it() {
        let b16 = "openai/clip-vit-base-patch16";
        let control = "random:openai/clip-vit-base-patch16@seed=3";
        let few = Palette::new([b16], &BTreeMap::new());
        let many = Palette::new(["x/y", "ssim", control, b16], &BTreeMap::new());
        for model in [b16, control, "pixels", "ssim"] {
            assert_eq!(few.color(model), many.color(model), "{model}");
        }
        assert_eq!(few.color(b16).0.to_string(), "#3493e1");
        assert_eq!(few.color(control), few.color(b16));
    }

    #[test]
    fn others_take_colours_in_order_and_a_chosen_colour_wins() {
        let chosen = BTreeMap::from([("c/d".to_owned(), Color([1, 2, 3]))]);
        let palette = Palette::new(["a/b", "c/d", "random:a/b", "e/f"], &chosen);
        assert_eq!(palette.color("a/b").0, OTHERS[0]);
        assert_eq!(palette.color("random:a/b").0, OTHERS[0]);
        assert_eq!(palette.color("c/d").0, Color([1, 2, 3]));
        assert_eq!(palette.color("e/f").0, OTHERS[1]);
    }

    #[test]
    fn a_model_with_a_name_of_its_own_has_the_colour_of_what_it_is() {
        let spec = |name: &str, spec: &str| (name.to_owned(), spec.to_owned());
        let b16 = "openai/clip-vit-base-patch16";
        let specs = Specs::new([
            spec("mine", b16),
            spec("control", &format!("random:{b16}@seed=3")),
            spec("x@1", "/ckpt/x@1"),
            spec("x@2", "/ckpt/x@2"),
        ]);
        let names = ["mine", "control", "x@1", "x@2"];
        let palette = Palette::of_run(names, &BTreeMap::new(), specs.clone());
        assert_eq!(palette.color("mine").0.to_string(), "#3493e1");
        assert_eq!(palette.color("control"), palette.color("mine"));
        assert_eq!(palette.color("x@1").0, OTHERS[0]);
        assert_eq!(palette.color("x@2").0, OTHERS[1]);
        let chosen = BTreeMap::from([("mine".to_owned(), Color([1, 2, 3]))]);
        let palette = Palette::of_run(names, &chosen, specs);
        assert_eq!(palette.color("control").0, Color([1, 2, 3]));
    }

    #[test]
    fn a_colour_is_read_back_and_other_texts_are_errors() {
        assert_eq!("#0a50A0".parse(), Ok(Color([10, 80, 160])));
        for text in ["0a50a0", "#fff", "#00000g", "red", "#éé00"] {
            assert!(text.parse::<Color>().is_err(), "{text}");
        }
    }
}
