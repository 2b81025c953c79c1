//! The minimum of a smooth function: L-BFGS.

use std::collections::VecDeque;

use super::product::dot;

/// Steps that the curvature is known from.
const MEMORY: usize = 10;
/// Steps at most.
const MOST_STEPS: usize = 100;
/// A step that lowers the value by less than this part of it is the last.
const TOLERANCE: f64 = 1e-5;
/// What of the slope a step must gain.
const ARMIJO: f64 = 1e-4;
/// How often a step is shortened.
const MOST_CUTS: usize = 30;

/// A step and how the gradient changed by it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

/// Goes downhill from `start` to where a step gains next to nothing.
///
/// `function` — gives the value at a point and writes the gradient, of the same length
///
/// # Source
/// Nocedal and Wright, *Numerical Optimization* (2006), Algorithms 7.4 and 7.5, with a backtracking
/// search; a step along which the curvature is not positive is not remembered.
pub(super) fn minimise(
    start: Vec<f64>,
    function: impl Fn(&[f64], &mut [f64]) -> f64,
) -> (Vec<f64>, f64) {
    let mut point = start;
    let mut gradient = vec![0.0; point.len()];
    let mut value = function(&point, &mut gradient);
    let mut memory: VecDeque<Pair> = VecDeque::with_capacity(MEMORY + 1);
    for _ in 0..MOST_STEPS {
        let mut direction = downhill(&gradient, &memory);
        let mut slope = dot(&gradient, &direction);
        if slope >= 0.0 {
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = dot(&gradient, &direction);
        }
        if slope == 0.0 {
            break;
        }
        let first = match memory.is_empty() {
            // Nothing is known of the curvature: a step of a tenth of where it stands.
            true => (0.1 * dot(&point, &point).sqrt().max(1e-3) / (-slope).sqrt()).min(1e6),
            false => 1.0,
        };
        let Some((next, lower, new)) = search(&point, value, &direction, slope, first, &function)
        else {
            break;
        };
        let step: Vec<f64> = next.iter().zip(&point).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = new.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&step, &change);
        if curvature > 1e-12 * dot(&change, &change) {
            memory.push_back(Pair { step, change, curvature });
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        let gained = value - lower;
        (point, value, gradient) = (next, lower, new);
        if gained <= TOLERANCE * value.abs().max(1e-12) {
            break;
        }
    }
    (point, value)
}

/// The direction of the next step.
fn downhill(gradient: &[f64], memory: &VecDeque<Pair>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut weights = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let weight = dot(&pair.step, &direction) / pair.curvature;
        add(&mut direction, -weight, &pair.change);
        weights.push(weight);
    }
    if let Some(last) = memory.back() {
        let scale = last.curvature / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for (pair, weight) in memory.iter().zip(weights.into_iter().rev()) {
        let correction = weight - dot(&pair.change, &direction) / pair.curvature;
        add(&mut direction, correction, &pair.step);
    }
    direction
}

fn add(to: &mut [f64], scale: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += scale * what);
}

/// The first of ever shorter steps that gains enough: the point, its value and its gradient.
fn search(
    point: &[f64],
    value: f64,
    direction: &[f64],
    slope: f64,
    first: f64,
    function: &impl Fn(&[f64], &mut [f64]) -> f64,
) -> Option<(Vec<f64>, f64, Vec<f64>)> {
    let mut length = first;
    let mut gradient = vec![0.0; point.len()];
    for _ in 0..MOST_CUTS {
        let next: Vec<f64> = point.iter().zip(direction).map(|(x, d)| x + length * d).collect();
        let found = function(&next, &mut gradient);
        if found <= value + ARMIJO * length * slope {
            return Some((next, found, gradient));
        }
        // The lowest point of the parabola through what is known, not too far off.
        let lowest = -slope * length * length / (2.0 * (found - value - slope * length));
        let is_near = lowest >= 0.1 * length && lowest <= 0.5 * length;
        length = if is_near { lowest } else { 0.3 * length };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_valley_of_rosenbrock_is_followed_to_its_end() {
        let function = |x: &[f64], gradient: &mut [f64]| {
            let across = x[1] - x[0] * x[0];
            gradient[0] = -400.0 * x[0] * across - 2.0 * (1.0 - x[0]);
            gradient[1] = 200.0 * across;
            100.0 * across * across + (1.0 - x[0]) * (1.0 - x[0])
        };
        let (point, value) = minimise(vec![-1.2, 1.0], function);
        assert!(value < 1e-6 && (point[0] - 1.0).abs() < 1e-2, "{point:?} {value}");
    }

    #[test]
    fn a_minimum_stays_where_it_is() {
        let function = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 2.0 * x[0];
            x[0] * x[0]
        };
        assert_eq!(minimise(vec![0.0], function), (vec![0.0], 0.0));
    }
}
