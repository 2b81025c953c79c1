//! One head of attention in f32.

/// Where the query, key and value of a head stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    /// From the first query on; tokens are `stride` apart.
    pub(super) query: &'a [f32],
    pub(super) key: &'a [f32],
    pub(super) value: &'a [f32],
    pub(super) stride: usize,
    pub(super) tokens: usize,
    pub(super) width: usize,
    /// 1/√d.
    pub(super) scale: f32,
}
