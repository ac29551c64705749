//! A fault at a place in the text, and how it is shown. All faults of a project file, also TOML's own, pass here.

use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::error::{Invalid, UnknownName};
use super::names::closest;
use super::text::ProjectText;

/// A fault at a place in the text that is being read.
#[derive(Debug)]
pub(super) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    span: Range<usize>,
    message: String,
    label: Option<String>,
    also: Option<(Range<usize>, String)>,
    help: Option<String>,
}

impl Fault {
    /// A fault at `span`, a range of bytes of the text.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self(Box::new(Parts { span, message: message.into(), label: None, also: None, help: None }))
    }

    /// A name at `span` that the project does not have.
    pub fn unknown(span: Range<usize>, unknown: &UnknownName) -> Self {
        Self::new(span, unknown.message()).help(unknown.help())
    }

    /// With words beside the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = Some(label.into());
        self
    }

    /// With a second place that belongs to it.
    pub fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.0.also = Some((span, label.into()));
        self
    }

    /// With what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// A fault of syntax or type, in the words of the other faults.
    pub fn from_toml(error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().lines().next().unwrap_or("not TOML");
        // Serde quotes names in backticks: every second part is one, and the first is the one that is at fault.
        let mut names = message.split('`').skip(1).step_by(2);
        let first = names.next().unwrap_or_default();
        let expected: Vec<&str> = names.collect();
        let meant = match closest(first, expected.iter().copied()) {
            Some(name) => format!("did you mean {name:?}? "),
            None => String::new(),
        };
        if message.starts_with("unknown field") {
            let help = format!("{meant}the fields of this table are {}", expected.join(", "));
            Self::new(span, format!("unknown field {first:?}")).help(help)
        } else if message.starts_with("unknown variant") {
            let help = format!("{meant}it is one of {}", expected.join(", "));
            Self::new(span, format!("unknown value {first:?}")).help(help)
        } else if message.starts_with("missing field") {
            let table = "in this table";
            match first {
                "project" => Self::new(0..0, "missing table [project]").help("begin with [project] and name = \"...\""),
                "keys" => Self::new(span, "missing field \"keys\"").label(table).help(super::resolve::KEYS_HELP),
                _ => Self::new(span, format!("missing field {first:?}")).label(table),
            }
        } else if message == "duplicate key" {
            Self::new(span, message)
                .label("declared before")
                .help("choose another name; a second version of a view is [views.\"NAME@v2\"]")
        } else {
            Self::new(span, message)
        }
    }

    /// The fault as an error: in which file of `text` it is and where in it, and how it looks.
    pub fn locate_in(mut self, text: &ProjectText) -> Invalid {
        let (path, part, start) = text.file_of(self.0.span.start);
        let shifted = |span: Range<usize>| span.start - start..span.end.saturating_sub(start).min(part.len());
        self.0.span = shifted(self.0.span.clone());
        if let Some((span, label)) = self.0.also.take() {
            let (other, other_text, other_start) = text.file_of(span.start);
            if other_start == start {
                self.0.also = Some((shifted(span), label));
            } else {
                let line = other_text[..span.start - other_start].matches('\n').count() + 1;
                let place = format!("{label}: {}:{line}", other.display());
                self.0.help = Some(self.0.help.map_or_else(|| place.clone(), |help| format!("{place}; {help}")));
            }
        }
        self.locate(path, part)
    }

    /// The fault as an error: where it is in `text`, the content of the file at `path`, and how it looks.
    fn locate(self, path: &Path, text: &str) -> Invalid {
        let Parts { span, message, label, also, help } = *self.0;
        let span = first_line(text, span);
        let before = &text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let caret = AnnotationKind::Primary.span(span.clone()).label(label);
        let mut snippet = Snippet::source(text).annotation(caret);
        if let Some((span, label)) = also {
            snippet = snippet.annotation(AnnotationKind::Context.span(first_line(text, span)).label(label));
        }
        let mut group = Group::with_level(Level::ERROR).element(snippet);
        if let Some(help) = help {
            group = group.element(Level::HELP.message(help));
        }
        Invalid {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
            snippet: Renderer::plain().render(&[group]),
        }
    }
}

/// The part of `span` on its first line, within `text` and at the borders of characters.
fn first_line(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let rest = &text[start..text.ceil_char_boundary(span.end).max(start)];
    start..start + rest.find(['\n', '\r']).unwrap_or(rest.len())
}
