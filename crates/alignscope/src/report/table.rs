//! Tables that can be sorted.

use maud::{Markup, html};

/// A field: what is shown, and the number by which it is sorted where it is one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) sort: Option<f64>,
    pub(super) number: bool,
}

/// A table with a caption.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), sort: None, number: false }
    }

    /// A number to three digits; empty where there is none.
    pub(super) fn number(value: Option<f64>) -> Self {
        let value = value.filter(|v| v.is_finite());
        Self { text: value.map_or_else(String::new, digits), sort: value, number: true }
    }

    /// A number with its interval.
    pub(super) fn interval(value: Option<f64>, low: Option<f64>, high: Option<f64>) -> Self {
        let mut cell = Self::number(value);
        if let (Some(low), Some(high), false) = (low, high, cell.text.is_empty()) {
            cell.text = format!("{} [{}, {}]", cell.text, digits(low), digits(high));
        }
        cell
    }

    /// A probability.
    pub(super) fn p(value: Option<f64>) -> Self {
        let mut cell = Self::number(value);
        if cell.sort.is_some_and(|p| p < 0.001) {
            cell.text = "< 0.001".to_owned();
        }
        cell
    }

    /// The class of its field: numbers stand right, long texts are broken.
    fn class(&self) -> Option<&'static str> {
        match (self.number, self.text.chars().count() > 40) {
            (true, _) => Some("n"),
            (false, true) => Some("w"),
            (false, false) => None,
        }
    }

    pub(super) fn count(n: usize) -> Self {
        Self { text: crate::shown::thousands(n), sort: Some(n as f64), number: true }
    }

    /// Ranks, which are sorted by their middle.
    pub(super) fn ranks(text: String, middle: f64) -> Self {
        Self { text, sort: Some(middle), number: true }
    }

    /// A text that is sorted by a number, such as a stage by its depth.
    pub(super) fn sorted(text: impl Into<String>, by: Option<f64>) -> Self {
        Self { text: text.into(), sort: by, number: false }
    }
}

/// Three digits after the point, with a true minus.
pub(super) fn digits(value: f64) -> String {
    let text = format!("{value:.3}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().any(|b| matches!(b, b'1'..=b'9')) => format!("−{rest}"),
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

impl Table {
    /// The table as HTML; its columns sort it.
    pub(super) fn html(&self) -> Markup {
        let numeric = |i: usize| self.rows.iter().any(|row| row[i].number);
        html! {
            div.scroll tabindex="0" role="region" aria-label=(self.caption) {
                table {
                    caption { span { (self.caption) } }
                    thead { tr {
                        @for (i, column) in self.columns.iter().enumerate() {
                            th scope="col" aria-sort="none" class=[numeric(i).then_some("n")] {
                                button type="button" { (column) }
                            }
                        }
                    } }
                    tbody {
                        @for row in &self.rows { tr {
                            @for (i, cell) in row.iter().enumerate() {
                                @let by = cell.sort.map(|v| v.to_string());
                                @if i == 0 {
                                    th scope="row" data-v=[by] { (cell.text) }
                                } @else {
                                    td class=[cell.class()] data-v=[by] { (cell.text) }
                                }
                            }
                        } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_minus_zero_is_zero() {
        assert_eq!([0.12345, -0.5, -0.0001].map(digits), ["0.123", "−0.500", "0.000"]);
        assert_eq!(Cell::interval(Some(0.5), Some(0.25), Some(0.75)).text, "0.500 [0.250, 0.750]");
        assert_eq!(Cell::number(Some(f64::NAN)).text, "");
    }

    #[test]
    fn what_stands_in_a_table_is_escaped() {
        let table = Table {
            caption: "<b>".to_owned(),
            columns: vec!["a".to_owned()],
            rows: vec![vec![Cell::text("<script>\"'&")]],
        };
        let html = table.html().into_string();
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
    }
}
