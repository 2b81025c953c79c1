//! SVG, written element by element.

use std::fmt::{Display, Write as _};
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};

use super::FONT;

/// An SVG document, or a part of one, that grows.
#[derive(Debug, Default)]
pub(super) struct Svg {
    out: String,
}

/// Attributes of an element, in order.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a dyn Display)];

/// Where a text stands: its anchor is at `x`, its baseline at `y`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) anchor: &'static str,
    pub(super) class: &'a str,
    pub(super) color: &'a str,
}

impl Svg {
    /// Begins an element.
    pub(super) fn open(&mut self, name: &str, attributes: Attributes<'_>) {
        self.tag(name, attributes, ">");
    }

    /// Ends an element.
    pub(super) fn close(&mut self, name: &str) {
        let _ = writeln!(self.out, "</{name}>");
    }

    /// An element without content, but for what is said when it is pointed at.
    pub(super) fn element(&mut self, name: &str, attributes: Attributes<'_>, title: Option<&str>) {
        match title {
            None => self.tag(name, attributes, "/>\n"),
            Some(title) => {
                self.tag(name, attributes, ">");
                self.titled(title);
                self.close(name);
            }
        }
    }

    /// A title, which browsers show on hover.
    pub(super) fn titled(&mut self, title: &str) {
        let _ = write!(self.out, "<title>{}</title>", escaped(title));
    }

    /// A text.
    pub(super) fn text(&mut self, label: Label<'_>, text: &str) {
        self.text_with(label, &[], text);
    }

    /// A text with more attributes.
    pub(super) fn text_with(&mut self, label: Label<'_>, more: Attributes<'_>, text: &str) {
        let (x, y, size) = (number(label.x), number(label.y), number(label.size));
        let mut all: Vec<(&str, &dyn Display)> = vec![
            ("x", &x),
            ("y", &y),
            ("font-size", &size),
            ("text-anchor", &label.anchor),
            ("class", &label.class),
            ("fill", &label.color),
        ];
        all.extend(more);
        self.tag("text", &all, ">");
        let _ = writeln!(self.out, "{}</text>", escaped(text));
    }

    /// A part that is already SVG.
    pub(super) fn raw(&mut self, part: &str) {
        self.out.push_str(part);
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.out
    }

    fn tag(&mut self, name: &str, attributes: Attributes<'_>, end: &str) {
        let _ = write!(self.out, "<{name}");
        for (key, value) in attributes {
            let _ = write!(self.out, " {key}=\"{}\"", escaped(&value.to_string()));
        }
        self.out.push_str(end);
    }
}

/// A text as XML and HTML take it, between tags and in attributes. Characters that XML does not
/// allow become U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate, to a hundredth of a unit.
pub(super) fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Width of a text in the figures' font, in the unit of `size`.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    static FACE: LazyLock<FontRef<'static>> = LazyLock::new(|| {
        // The bytes are a whole font; were they not, every test of a figure would fail.
        FontRef::try_from_slice(FONT).expect("the built-in font is whole")
    });
    let em = 100.0_f32;
    // `PxScale` counts ascent to descent as its height; the size of a font is its em.
    let height = FACE.height_unscaled() / FACE.units_per_em().unwrap_or(1000.0) * em;
    let scaled = FACE.as_scaled(PxScale::from(height));
    let width: f32 = text.chars().map(|c| scaled.h_advance(scaled.glyph_id(c))).sum();
    f64::from(width) / f64::from(em) * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_does_not_allow_is_escaped_or_replaced() {
        assert_eq!(escaped("a<b&\"c'\u{1}\n"), "a&lt;b&amp;&quot;c&#39;\u{fffd} ");
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!([1.0, 0.126, -0.001, 10.0].map(number), ["1", "0.13", "0", "10"]);
    }

    #[test]
    fn a_longer_text_is_wider_and_width_grows_with_size() {
        assert!(text_width("mm", 10.0) > text_width("m", 10.0));
        assert!((text_width("abc", 20.0) - 2.0 * text_width("abc", 10.0)).abs() < 1e-4);
        // DejaVu Sans: a digit is 0.636 em.
        assert!((text_width("0", 1.0) - 0.636).abs() < 0.002, "{}", text_width("0", 1.0));
    }
}
