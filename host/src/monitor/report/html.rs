//! HTML whose markup is that of the program: whatever else goes into it is escaped.
//!
//! The type does it, and no template: a crate for templates would be one more to trust, for one page.

use std::fmt::{Display, Write};

/// A page while it is written.
#[derive(Default)]
pub(super) struct Html(String);

/// Escapes what is written through it.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // What has no place in a page.
                character if character.is_control() && !matches!(character, '\n' | '\t') => self.0.push('\u{fffd}'),
                character => self.0.push(character),
            }
        }
        Ok(())
    }
}

impl Html {
    /// Markup, which no text of a project can be.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, or the value of an attribute in quotes.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing into a text does not fail.
        let _ = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// A table with a caption, for those who hear it; the first cell of a row is its header.
    pub(super) fn table(&mut self, caption: &str, header: &[&str], rows: &[Vec<String>]) -> &mut Self {
        self.raw("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"")
            .text(caption)
            .raw("\"><table><caption>");
        self.text(caption).raw("</caption><thead><tr>");
        for cell in header {
            self.raw("<th scope=\"col\">").text(cell).raw("</th>");
        }
        self.raw("</tr></thead><tbody>\n");
        for row in rows {
            self.raw("<tr>");
            for (at, cell) in row.iter().enumerate() {
                match at {
                    0 => self.raw("<th scope=\"row\">").text(cell).raw("</th>"),
                    _ => self.raw("<td>").text(cell).raw("</td>"),
                };
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody></table></div>\n")
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: impl Display) -> &mut Self {
        self.raw("<p>").text(text).raw("</p>\n")
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A share in per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A count of things, `one` of them by name.
pub(super) fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup() {
        let mut html = Html::default();
        html.raw("<p title=\"").text("\"><script>'&\u{1b}").raw("\">").text(1.5).raw("</p>");
        assert_eq!(html.finish(), "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\u{fffd}\">1.5</p>");
    }
}
