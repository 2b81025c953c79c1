//! BEiT's relative position bias.

use super::positions::{Resizing, resize};

/// Rows of a table for the class token: from it to a patch, from a patch to it, and to itself.
const OF_CLASS: usize = 3;

/// Rows of the table of a grid of `grid` × `grid` patches and a class token.
pub(super) fn rows(grid: usize) -> usize {
    (2 * grid - 1).pow(2) + OF_CLASS
}

/// What is added to the scores, `[heads, tokens, tokens]` (queries, then keys), of an image of
/// `side` × `side` patches, from the table of a grid, `[rows, heads]`.
///
/// The first rows are an image of distances between patches, rows first, which is resized where the
/// grid is another one.
pub(super) fn gather(table: &[f32], grid: usize, side: usize, heads: usize) -> Vec<f32> {
    let (of_patches, of_class) = table.split_at((2 * grid - 1).pow(2) * heads);
    let [from, to] = [grid, side].map(|n| 2 * n - 1);
    let of_patches = resize(of_patches, [from; 2], [to; 2], heads, Resizing::Bilinear);
    let tokens = 1 + side * side;
    let place = |patch: usize| (patch / side, patch % side);
    let mut out = Vec::with_capacity(heads * tokens * tokens);
    for head in 0..heads {
        for query in 0..tokens {
            for key in 0..tokens {
                out.push(match (query.checked_sub(1), key.checked_sub(1)) {
                    (None, Some(_)) => of_class[head],
                    (Some(_), None) => of_class[heads + head],
                    (None, None) => of_class[2 * heads + head],
                    (Some(query), Some(key)) => {
                        let ((y, x), (other_y, other_x)) = (place(query), place(key));
                        let row = y + side - 1 - other_y;
                        let column = x + side - 1 - other_x;
                        of_patches[(row * to + column) * heads + head]
                    }
                });
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bias_depends_on_where_the_key_lies_from_the_query() {
        // A grid of 2 × 2: 9 distances and the class token's three, one head.
        let table: Vec<f32> = (0..rows(2)).map(|row| row as f32).collect();
        let bias = gather(&table, 2, 2, 1);
        // Nothing lies between a patch and itself: the middle of the distances.
        let at = |query: usize, key: usize| bias[query * 5 + key];
        assert_eq!([at(1, 1), at(4, 4)], [4.0, 4.0]);
        assert_eq!([at(1, 2), at(2, 1)], [3.0, 5.0]);
        assert_eq!([at(1, 3), at(3, 1)], [1.0, 7.0]);
        assert_eq!([at(0, 2), at(2, 0), at(0, 0)], [9.0, 10.0, 11.0]);
    }
}
