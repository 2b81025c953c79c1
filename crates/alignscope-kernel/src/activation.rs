//! The non-linearity between the two layers of a block's MLP.

use crate::exp::exp;

/// An activation function, by the names that transformers gives them in `hidden_act`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x · σ(1.702 x), of OpenAI's CLIP.
    QuickGelu,
    /// x · Φ(x), with the exact normal distribution function.
    Gelu,
    /// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))).
    GeluTanh,
    /// x · σ(x), of gated layers (SwiGLU).
    Silu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::QuickGelu, Self::Gelu, Self::GeluTanh, Self::Silu];

    /// The name in `config.json`, of which `Display` is the same.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuickGelu => "quick_gelu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_pytorch_tanh",
            Self::Silu => "silu",
        }
    }

    /// Applies it to each value in place, within 1e-6 · (1 + |y|) of the formula's y. NaN stays
    /// NaN.
    pub fn apply(self, values: &mut [f32]) {
        activate(self, values);
    }

    /// As [`apply`](Self::apply), in the instructions of the function that calls it.
    #[inline(always)]
    pub(crate) fn apply_inline(self, values: &mut [f32]) {
        match self {
            Self::QuickGelu => values.iter_mut().for_each(|x| *x = quick_gelu(*x)),
            Self::Gelu => values.iter_mut().for_each(|x| *x = gelu(*x)),
            Self::GeluTanh => values.iter_mut().for_each(|x| *x = gelu_tanh(*x)),
            Self::Silu => values.iter_mut().for_each(|x| *x = silu(*x)),
        }
    }
}

impl std::fmt::Display for Activation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

vectorized! {
    fn activate(activation: Activation, values: &mut [f32]) {
        activation.apply_inline(values);
    }
}

#[inline(always)]
fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp(-1.702 * x))
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    let half = 0.5 * x;
    half.mul_add(erf(x * std::f32::consts::FRAC_1_SQRT_2), half)
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    // 1/2 (1 + tanh u) = 1 / (1 + exp(-2u)), and 2 √(2/π) is:
    const TWO_ROOT_TWO_OVER_PI: f32 = 1.595_769_2;
    let u = TWO_ROOT_TWO_OVER_PI * (x * x * x).mul_add(0.044_715, x);
    x / (1.0 + exp(-u))
}

/// The error function, within 3e-7: a rational approximation x P(x²)/Q(x²) on |x| ≤ 4, beyond
/// which f32 cannot tell it from ±1 (coefficients of Eigen's `erf` for floats, MPL 2.0 lists).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let mut p = -2.726_142_3e-10_f32;
    p = p.mul_add(square, 2.770_681_4e-8);
    p = p.mul_add(square, -2.101_024e-6);
    p = p.mul_add(square, -5.692_506_4e-5);
    p = p.mul_add(square, -7.349_906e-4);
    p = p.mul_add(square, -2.954_6e-3);
    p = p.mul_add(square, -1.609_603_3e-2);
    let mut q = -1.456_607_2e-5_f32;
    q = q.mul_add(square, -2.133_740_6e-4);
    q = q.mul_add(square, -1.682_827e-3);
    q = q.mul_add(square, -7.373_329_3e-3);
    q = q.mul_add(square, -1.426_473_9e-2);
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values in f64; the error function by its Taylor series, which converges to
    /// f64 accuracy for |x| ≤ 4.
    fn reference(activation: Activation, x: f64) -> f64 {
        match activation {
            Activation::QuickGelu => x / (1.0 + (-1.702 * x).exp()),
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::GeluTanh => {
                0.5 * x
                    * (1.0
                        + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3)))
                            .tanh())
            }
            Activation::Gelu => {
                let z = x / 2.0_f64.sqrt();
                let (mut term, mut sum) = (z, z);
                for n in 1..200 {
                    term *= -z * z / f64::from(n);
                    sum += term / f64::from(2 * n + 1);
                }
                0.5 * x * (1.0 + sum * 2.0 / std::f64::consts::PI.sqrt())
            }
        }
    }

    #[test]
    fn each_is_within_a_millionth_of_its_formula() {
        for activation in Activation::ALL {
            for i in -5000..=5000 {
                let x = i as f32 / 1000.0;
                let mut value = [x];
                activation.apply(&mut value);
                let truth = reference(activation, f64::from(x));
                let error = (f64::from(value[0]) - truth).abs();
                assert!(error <= 1e-6 * (1.0 + truth.abs()), "{activation}({x}): off by {error}");
            }
        }
    }

    #[test]
    fn far_from_zero_each_is_the_identity_or_zero() {
        for activation in Activation::ALL {
            let mut values = [100.0, -100.0, 0.0];
            activation.apply(&mut values);
            assert!((values[0] - 100.0).abs() < 2e-5, "{activation}(100) = {}", values[0]);
            assert!(values[1].abs() < 1e-4, "{activation}(-100) = {}", values[1]);
            assert_eq!(values[2], 0.0);
        }
    }
}
