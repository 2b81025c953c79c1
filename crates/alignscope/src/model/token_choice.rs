//! Which tokens of an image stand for it.

use crate::encoder::{Prefix, Tokens};

/// Which tokens of an image are compared, and which stand before its patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenChoice {
    /// The tokens.
    pub tokens: Tokens,
    /// The tokens before the patches.
    pub prefix: Prefix,
}

impl TokenChoice {
    /// All tokens that there are.
    pub const ALL: Self =
        Self { tokens: Tokens::All, prefix: Prefix { class_token: false, registers: 0 } };
}
