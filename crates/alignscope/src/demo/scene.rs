//! Scenes of shapes and textures.

use std::fmt;

use rand::{Rng, RngExt};

/// Side of every image.
pub(super) const SIDE_PX: usize = 224;
/// Shapes of a scene; enough to cover it several times.
const LEAVES: usize = 700;
/// Smallest and largest radius of a shape, in pixels.
const RADII_PX: (f32, f32) = (5.0, 90.0);

/// What a scene is made of: the "class" of its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Category {
    pub(super) shape: Shape,
    pub(super) texture: Texture,
}

/// Outline of the shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Disc,
    Brick,
    Shard,
}

/// What the shapes are covered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texture {
    Plain,
    Striped,
    Dotted,
    Rough,
}

impl Category {
    /// All twelve.
    pub(super) fn all() -> Vec<Self> {
        let shapes = [Shape::Disc, Shape::Brick, Shape::Shard];
        let textures = [Texture::Plain, Texture::Striped, Texture::Dotted, Texture::Rough];
        let with = |shape| textures.map(|texture| Self { shape, texture });
        shapes.into_iter().flat_map(with).collect()
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texture = match self.texture {
            Texture::Plain => "plain",
            Texture::Striped => "striped",
            Texture::Dotted => "dotted",
            Texture::Rough => "rough",
        };
        let shape = match self.shape {
            Shape::Disc => "discs",
            Shape::Brick => "bricks",
            Shape::Shard => "shards",
        };
        write!(f, "{texture}_{shape}")
    }
}

/// A shape of a scene; positions and sizes in pixels, colours 0 to 1.
#[derive(Debug, Clone)]
struct Leaf {
    x: f32,
    y: f32,
    radius: f32,
    /// Long side over short side.
    aspect: f32,
    angle: f32,
    color: [f32; 3],
    /// Pixels from stripe to stripe, or from dot to dot.
    period: f32,
    /// Brightness falls off across the shape by so much.
    shade: f32,
    grain: u32,
}

/// A scene: what is rendered, and what a variation changes.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    category: Category,
    leaves: Vec<Leaf>,
    /// Direction and strength of the light.
    light: [f32; 2],
}

/// How far a variation goes from its scene: 0 for not at all, 1 for as far as it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variation {
    /// Positions, angles and sizes.
    pub(super) layout: f32,
    /// Colours and light.
    pub(super) color: f32,
}

/// An image in linear numbers, `[height, width, 3]`, 0 to 1 with some overshoot.
#[derive(Debug, Clone)]
pub(super) struct Picture(pub(super) Vec<f32>);

impl Picture {
    /// 8-bit RGB.
    pub(super) fn to_rgb8(&self) -> Vec<u8> {
        self.0.iter().map(|v| (v * 255.0).round().clamp(0.0, 255.0) as u8).collect()
    }
}

impl Scene {
    /// A scene of a category. Its colours are any: a category is told by shapes and texture, not
    /// by what a single pixel shows.
    pub(super) fn new(category: Category, rng: &mut impl Rng) -> Self {
        let hue: f32 = rng.random_range(0.0..1.0);
        let spread: f32 = rng.random_range(0.05..0.3);
        let leaves = (0..LEAVES).map(|_| Leaf::new(category, hue, spread, rng)).collect();
        let light = [rng.random_range(-0.25..0.25), rng.random_range(-0.25..0.25)];
        Self { category, leaves, light }
    }

    /// The same scene with its shapes moved and recoloured.
    pub(super) fn varied(
        &self,
        Variation { layout, color }: Variation,
        rng: &mut impl Rng,
    ) -> Self {
        let mut scene = self.clone();
        let mut shift = |scale: f32| rng.random_range(-1.0..1.0_f32) * scale;
        let tint = [(); 3].map(|()| shift(0.2 * color));
        for leaf in &mut scene.leaves {
            leaf.x += shift(26.0 * layout);
            leaf.y += shift(26.0 * layout);
            leaf.angle += shift(0.9 * layout);
            leaf.radius *= (1.0 + shift(0.35 * layout)).max(0.2);
            for (value, tint) in leaf.color.iter_mut().zip(tint) {
                *value = (*value + tint + shift(0.1 * color)).clamp(0.02, 0.98);
            }
        }
        scene.light = scene.light.map(|light| light + shift(0.2 * color));
        scene
    }

    /// Draws the shapes one over the other.
    pub(super) fn render(&self) -> Picture {
        let mut pixels = vec![0.5_f32; 3 * SIDE_PX * SIDE_PX];
        for leaf in &self.leaves {
            let reach = leaf.radius * leaf.aspect.max(1.0) * 1.5;
            let rows = span(leaf.y, reach);
            let (sin, cos) = libm::sincosf(leaf.angle);
            for y in rows {
                for x in span(leaf.x, reach) {
                    let (dx, dy) = (x as f32 - leaf.x, y as f32 - leaf.y);
                    // In the shape's own axes, in radii.
                    let u = (dx * cos + dy * sin) / leaf.radius / leaf.aspect;
                    let v = (dy * cos - dx * sin) / leaf.radius;
                    if !self.category.shape.contains(u, v) {
                        continue;
                    }
                    let texture = self.category.texture.at(
                        leaf,
                        dx * cos + dy * sin,
                        dy * cos - dx * sin,
                        x,
                        y,
                    );
                    let brightness = (1.0 + leaf.shade * u + texture).max(0.0);
                    let start = 3 * (y * SIDE_PX + x);
                    for (pixel, color) in pixels[start..start + 3].iter_mut().zip(leaf.color) {
                        *pixel = color * brightness;
                    }
                }
            }
        }
        for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let side = SIDE_PX as f32;
            let (x, y) = ((i % SIDE_PX) as f32 / side - 0.5, (i / SIDE_PX) as f32 / side - 0.5);
            let light = 1.0 + self.light[0] * x + self.light[1] * y;
            pixel.iter_mut().for_each(|value| *value = (*value * light).clamp(0.0, 1.0));
        }
        Picture(pixels)
    }
}

/// The pixels within `reach` of a position.
fn span(center: f32, reach: f32) -> std::ops::Range<usize> {
    let from = (center - reach).max(0.0) as usize;
    let to = ((center + reach + 1.0).max(0.0) as usize).min(SIDE_PX);
    from..to.max(from)
}

impl Leaf {
    fn new(category: Category, hue: f32, spread: f32, rng: &mut impl Rng) -> Self {
        let side = SIDE_PX as f32;
        let (smallest, largest) = RADII_PX;
        // Sizes with density 1/r³, which makes the scene look alike at every scale.
        let t: f32 = rng.random_range(0.0..1.0);
        let (a, b) = (smallest.powi(-2), largest.powi(-2));
        let radius = libm::powf(a + t * (b - a), -0.5);
        let hue = hue + rng.random_range(-1.0..1.0_f32) * spread;
        let color = rgb_of(hue, rng.random_range(0.1..0.75), rng.random_range(0.12..0.95));
        Self {
            x: rng.random_range(-20.0..side + 20.0),
            y: rng.random_range(-20.0..side + 20.0),
            radius,
            aspect: match category.shape {
                Shape::Disc => rng.random_range(1.0..1.4),
                Shape::Brick => rng.random_range(1.4..2.6),
                Shape::Shard => rng.random_range(0.8..1.6),
            },
            angle: rng.random_range(0.0..std::f32::consts::TAU),
            color,
            period: rng.random_range(4.0..10.0),
            shade: rng.random_range(-0.3..0.3),
            grain: rng.random_range(0..u32::MAX),
        }
    }
}

impl Shape {
    fn contains(self, u: f32, v: f32) -> bool {
        match self {
            Self::Disc => u * u + v * v <= 1.0,
            Self::Brick => u.abs() <= 0.9 && v.abs() <= 0.9,
            Self::Shard => v >= -0.6 && v + 1.8 * u.abs() <= 1.2,
        }
    }
}

impl Texture {
    /// Added to the brightness at a place: `u`, `v` in the shape's axes, `x`, `y` in the image.
    fn at(self, leaf: &Leaf, u: f32, v: f32, x: usize, y: usize) -> f32 {
        let wave = |t: f32| libm::sinf(t / leaf.period * std::f32::consts::TAU);
        match self {
            Self::Plain => 0.0,
            Self::Striped => 0.35 * wave(v).signum(),
            Self::Dotted => 0.5 * f32::from(u8::from(wave(u) * wave(v) > 0.3)) - 0.1,
            Self::Rough => {
                // A hash of the place: the same for the same shape, whatever else is drawn.
                let mut h = leaf.grain ^ (x as u32 / 2).wrapping_mul(0x9E37_79B1);
                h ^= (y as u32 / 2).wrapping_mul(0x85EB_CA77);
                h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
                h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
                0.45 * ((h >> 8) as f32 / (1 << 24) as f32 - 0.5) * 2.0
            }
        }
    }
}

/// Hue (in turns), saturation and value to red, green and blue.
fn rgb_of(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    [0.0, 2.0 / 3.0, 1.0 / 3.0].map(|offset: f32| {
        let t = (hue + offset).rem_euclid(1.0) * 6.0;
        let ramp = ((t - 3.0).abs() - 1.0).clamp(0.0, 1.0);
        value * (1.0 - saturation * (1.0 - ramp))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Slope of the log amplitude spectrum over log frequency, along rows.
    fn slope(picture: &Picture) -> f64 {
        let mut points = Vec::new();
        for frequency in [2_usize, 3, 4, 6, 8, 12, 16, 24, 32] {
            let mut power = 0.0;
            for row in picture.0.chunks_exact(3 * SIDE_PX) {
                let (mut re, mut im) = (0.0, 0.0);
                for (x, pixel) in row.chunks_exact(3).enumerate() {
                    let grey = f64::from(pixel[0] + pixel[1] + pixel[2]);
                    let phase = std::f64::consts::TAU * (frequency * x) as f64 / SIDE_PX as f64;
                    // A window, so that the edges of the image add nothing.
                    let window = 1.0 - (std::f64::consts::TAU * x as f64 / SIDE_PX as f64).cos();
                    re += grey * window * phase.cos();
                    im += grey * window * phase.sin();
                }
                power += re * re + im * im;
            }
            points.push(((frequency as f64).ln(), power.sqrt().ln()));
        }
        let n = points.len() as f64;
        let (mx, my) = (
            points.iter().map(|p| p.0).sum::<f64>() / n,
            points.iter().map(|p| p.1).sum::<f64>() / n,
        );
        points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum::<f64>()
            / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
    }

    #[test]
    fn spectra_fall_about_as_those_of_natural_images() {
        // A row's power is the image's summed over the other frequency: an amplitude of 1/f in
        // two dimensions falls as f^-0.5 along a row, and natural images lie between 1/f^0.8 and
        // 1/f^1.5 (Tolhurst, Tadmor and Chao 1992).
        let slopes: Vec<f64> = Category::all()
            .into_iter()
            .filter(|c| c.texture == Texture::Plain)
            .enumerate()
            .map(|(i, c)| slope(&Scene::new(c, &mut ChaCha8Rng::seed_from_u64(i as u64)).render()))
            .collect();
        let mean = slopes.iter().sum::<f64>() / slopes.len() as f64;
        assert!((-1.2..=-0.3).contains(&mean), "{slopes:?}");
    }

    #[test]
    fn a_variation_of_no_amount_is_the_scene_itself() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let scene = Scene::new(Category::all()[5], &mut rng);
        let mut varied =
            |layout, color| scene.varied(Variation { layout, color }, &mut rng).render().to_rgb8();
        let original = scene.render().to_rgb8();
        assert_eq!(varied(0.0, 0.0), original);
        assert_ne!(varied(0.5, 0.0), original);
        assert_ne!(varied(0.0, 0.5), original);
    }
}
