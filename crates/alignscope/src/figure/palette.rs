//! The same colour for a model everywhere.

use plotters::style::RGBColor;

use crate::baseline::Baseline;

/// Red, green and blue, 0 to 255.
pub type Color = [u8; 3];

/// The study's models, in colours that the colour-blind can tell apart (Okabe and Ito 2008, and
/// wine from Tol's set in the place of a yellow that does not show on white).
const MODELS: [(&str, Color); 7] = [
    ("openai/clip-vit-base-patch32", [0, 114, 178]),
    ("openai/clip-vit-base-patch16", [86, 180, 233]),
    ("openai/clip-vit-large-patch14", [0, 158, 115]),
    ("openai/clip-vit-large-patch14-336", [230, 159, 0]),
    ("google/siglip-base-patch16-224", [213, 94, 0]),
    ("OFA-Sys/chinese-clip-vit-base-patch16", [204, 121, 167]),
    ("microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224", [136, 34, 85]),
];

/// Models that are not of the study take these, by their name.
const OTHERS: [Color; 6] =
    [[51, 34, 136], [17, 119, 51], [153, 153, 51], [170, 68, 153], [102, 51, 0], [0, 85, 102]];

/// Baselines: dark tones, tones and dashes tell them apart.
const BASELINES: [(Baseline, Color, (u32, u32)); 10] = [
    (Baseline::Ssim, [20, 20, 20], (16, 4)),
    (Baseline::SsimMatlab, [95, 95, 95], (10, 4)),
    (Baseline::SsimMatlabDownsampled, [135, 135, 135], (5, 4)),
    (Baseline::SsimRgb, [60, 60, 120], (10, 4)),
    (Baseline::MsSsim, [95, 60, 110], (3, 4)),
    (Baseline::Psnr, [160, 160, 160], (16, 4)),
    (Baseline::LpipsAlex, [120, 72, 0], (16, 4)),
    (Baseline::LpipsVgg, [175, 115, 35], (9, 4)),
    (Baseline::LpipsSqueeze, [95, 35, 0], (4, 4)),
    (Baseline::PerceptNet, [0, 92, 92], (12, 5)),
];

/// The pixels.
const PIXELS: Color = [90, 90, 90];

/// A line that the reader must not miss.
pub(super) const ALERT: RGBColor = RGBColor(176, 0, 32);
/// Axes and text.
pub(super) const INK: RGBColor = RGBColor(40, 40, 40);
/// Lines of the grid.
pub(super) const GRID: RGBColor = RGBColor(228, 228, 228);
/// The bands behind image, embedding and projection.
pub(super) const BAND: RGBColor = RGBColor(244, 244, 244);
/// The line of chance.
pub(super) const CHANCE: RGBColor = RGBColor(110, 110, 110);

/// The colour of a model: its own where it is of the study, else one that follows from its name.
/// An untrained control has its model's hue, lighter.
pub fn color_of(model: &str) -> Color {
    if model == "pixels" {
        return PIXELS;
    }
    if let Some((_, color, _)) = BASELINES.iter().find(|(b, _, _)| b.name() == model) {
        return *color;
    }
    if let Some(id) = model.strip_prefix("random:") {
        let id = id.split('@').next().unwrap_or(id);
        return color_of(id).map(|value| value + (255 - value) / 5 * 2);
    }
    if let Some((_, color)) = MODELS.iter().find(|(id, _)| *id == model) {
        return *color;
    }
    // FNV-1a: the same on every machine.
    let hash = model
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    OTHERS[hash as usize % OTHERS.len()]
}

/// Lengths of dash and gap of a baseline's line.
pub(super) fn baseline_dashes(name: &str) -> (u32, u32) {
    BASELINES.iter().find(|(b, _, _)| b.name() == name).map_or((10, 3), |(_, _, dashes)| *dashes)
}

pub(super) fn rgb([r, g, b]: Color) -> RGBColor {
    RGBColor(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_has_a_lighter_tone_of_its_model() {
        let model = color_of("openai/clip-vit-base-patch32");
        let control = color_of("random:openai/clip-vit-base-patch32@seed=3");
        assert_ne!(model, control);
        assert!(model.iter().zip(&control).all(|(m, c)| m <= c));
    }
}
