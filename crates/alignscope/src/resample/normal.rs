//! The normal and Student's t distribution.

/// Φ(z), the share of a standard normal below `z`.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// Φ⁻¹(p); infinite at 0 and 1.
///
/// # Source
/// P. Acklam's rational approximation (2003), and two steps of Halley's method, which bring its
/// 1e-9 to the rounding of f64.
pub(super) fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    if p > 0.5 {
        // Small shares keep all their digits.
        return -normal_quantile(1.0 - p);
    }
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] =
        [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    let polynomial = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |s, c| s * x + c);
    let mut z = if p < 0.02425 {
        let q = (-2.0 * libm::log(p)).sqrt();
        polynomial(&C, q) / (polynomial(&D, q) * q + 1.0)
    } else {
        let q = p - 0.5;
        let r = q * q;
        polynomial(&A, r) * q / (polynomial(&B, r) * r + 1.0)
    };
    for _ in 0..2 {
        let error = normal_cdf(z) - p;
        let step = error * (2.0 * std::f64::consts::PI).sqrt() * libm::exp(z * z / 2.0);
        z -= step / (1.0 + z * step / 2.0);
    }
    z
}

/// The share of Student's t with `df` degrees of freedom below `t`.
///
/// # Source
/// By the regularized incomplete beta function, as a continued fraction (Press et al., Numerical
/// Recipes, 6.4).
pub(super) fn t_cdf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(df / (df + t * t), df / 2.0, 0.5);
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// Where a share `p` of Student's t with `df` degrees of freedom lies below; `p` from 0 to 1/2.
pub(super) fn t_quantile(p: f64, df: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    // t is below the normal quantile; its tails grow without end only as df falls to 1.
    let (mut low, mut high) = (-1.0, 0.0);
    while t_cdf(low, df) > p {
        high = low;
        low *= 2.0;
    }
    // Half of the interval each time: 70 steps exhaust f64.
    for _ in 0..70 {
        let middle = 0.5 * (low + high);
        if t_cdf(middle, df) > p { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}

/// I_x(a, b), x from 0 to 1.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - log_beta);
    if x < (a + 1.0) / (a + b + 2.0) {
        front * continued_fraction(x, a, b) / a
    } else {
        1.0 - front * continued_fraction(1.0 - x, b, a) / b
    }
}

/// Lentz's method for the continued fraction of the incomplete beta function.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..500 {
        let m = f64::from(m);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            value *= d * c;
        }
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_scipy() {
        // scipy.stats.norm.ppf and t.ppf, SciPy 1.17.1.
        for (p, z) in [
            (0.025, -1.9599639845400545),
            (1e-10, -6.361340902404056),
            (0.3, -0.5244005127080409),
            (0.975, 1.959963984540054),
        ] {
            assert!((normal_quantile(p) - z).abs() < 1e-13, "{p}: {}", normal_quantile(p));
        }
        for (p, df, t) in [
            (0.025, 24.0, -2.063898561628026),
            (0.025, 7.0, -2.3646242515927844),
            (0.025, 20018.0, -1.9600824984892355),
            (0.0005, 24.0, -3.745398619290052),
        ] {
            assert!((t_quantile(p, df) - t).abs() < 1e-9, "{p} {df}: {}", t_quantile(p, df));
            assert!((t_cdf(t, df) - p).abs() < 1e-11);
        }
        assert_eq!(t_cdf(0.0, 3.0), 0.5);
    }

    #[test]
    fn shares_and_quantiles_are_each_others_inverse() {
        for z in [-5.0, -1.0, 0.0, 0.5, 3.0] {
            assert!((normal_quantile(normal_cdf(z)) - z).abs() < 1e-9);
        }
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
    }
}
