//! Numbers that may be too few for a vector's lanes.

/// The first `N` numbers, zeros where there are fewer.
#[inline(always)]
pub(crate) fn padded<const N: usize>(values: &[f32]) -> [f32; N] {
    match values.first_chunk() {
        Some(values) => *values,
        None => {
            let mut whole = [0.0; N];
            whole[..values.len()].copy_from_slice(values);
            whole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::padded;

    #[test]
    fn what_is_missing_is_zero_and_what_is_too_much_is_left() {
        assert_eq!(padded::<3>(&[1.0, 2.0, 3.0, 4.0]), [1.0, 2.0, 3.0]);
        assert_eq!(padded::<3>(&[1.0]), [1.0, 0.0, 0.0]);
        assert_eq!(padded::<2>(&[]), [0.0; 2]);
    }
}
